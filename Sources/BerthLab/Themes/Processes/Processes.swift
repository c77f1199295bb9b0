/// Processes and descriptors.
enum Processes {
    static let all: [Experiment] = connections + listeners + programs + ends + threads + replacement
}
