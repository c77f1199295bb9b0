/// Streams.
enum Streams {
    static let all: [Experiment] = boundaries + buffers + lines + writing

    /// The text of a failure of Berth's, or of what was read.
    static func outcome(_ read: () throws -> String?) -> String {
        do { return try read().map { "\"\($0)\"" } ?? "end" } catch { return "\(error)" }
    }
}
