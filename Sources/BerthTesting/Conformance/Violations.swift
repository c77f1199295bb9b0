/// What a suite found, as sentences: the first ones in full, since a broken thing is broken in a thousand ways.
struct Violations {
    private static let most = 20
    private var sentences: [String] = []
    private var count = 0

    mutating func add(_ sentence: String) {
        count += 1
        if sentences.count < Self.most { sentences.append(sentence) }
    }

    mutating func expect(_ condition: Bool, _ sentence: @autoclosure () -> String) {
        if !condition { add(sentence()) }
    }

    /// All of them, and behind them how many were left out.
    var all: [String] { count > sentences.count ? sentences + ["and \(count - sentences.count) more"] : sentences }
}
