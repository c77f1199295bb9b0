internal import BerthSystem

// How a worker tells its harbour: `telling 250 750`, numbers and milliseconds.
extension DrainStep {
    var words: String {
        switch self {
        case .announced(let time): "announced \(Self.milliseconds(time))"
        case .telling(let active, let time): "telling \(active) \(Self.milliseconds(time))"
        case .halfClosing(let active): "half-closing \(active)"
        case .resetting(let active): "resetting \(active)"
        }
    }

    /// `nil` for what is none: another version's, perhaps.
    init?(words: [String]) {
        let numbers = words.dropFirst().compactMap { Int($0) }
        guard numbers.count == words.count - 1, numbers.allSatisfy({ $0 >= 0 }) else { return nil }
        switch (words.first, numbers.count) {
        case ("announced", 1): self = .announced(for: .milliseconds(numbers[0]))
        case ("telling", 2): self = .telling(active: numbers[0], within: .milliseconds(numbers[1]))
        case ("half-closing", 1): self = .halfClosing(active: numbers[0])
        case ("resetting", 1): self = .resetting(active: numbers[0])
        default: return nil
        }
    }

    private static func milliseconds(_ time: Duration) -> Int64 { time.wholeNanoseconds / 1_000_000 }
}
