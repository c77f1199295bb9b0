/// Streams.
enum Streams {
    static let all: [Experiment] = []
}
