/// Limits and errors.
enum Limits {
    static let all: [Experiment] = connections + descriptors + sending + errors + silence
}
