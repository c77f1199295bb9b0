/// Framing.
enum FramingCode {
    static let all: [Experiment] = []
}
