internal import BerthSystem

extension Duration {
    /// For people, in one unit: `41 s`, `3 min`, `5 h`, `3 days`. Rounded down, below two units the finer one.
    var words: String {
        let seconds = max(0, components.seconds)
        switch seconds {
        case ..<120: return "\(seconds) s"
        case ..<7_200: return "\(seconds / 60) min"
        case ..<172_800: return "\(seconds / 3_600) h"
        default: return "\(seconds / 86_400) days"
        }
    }

    /// The same rounded up: for how long one would have to wait.
    var wordsRoundedUp: String {
        let isWhole = components.attoseconds == 0
        return (isWhole ? self : self + .seconds(1)).words
    }
}

extension LocalTime {
    /// The time, with the date unless it is of the same day as `now`: `09:12:31`, `2026-11-20 09:12:31`.
    func words(on now: LocalTime?) -> String {
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let time = "\(two(hour)):\(two(minute)):\(two(second))"
        if let now, (now.year, now.month, now.day) == (year, month, day) { return time }
        return "\(year)-\(two(month))-\(two(day)) \(time)"
    }
}

/// A number with its noun: `1 socket`, `3 sockets`.
func counted(_ count: Int, _ noun: String, _ plural: String = "s") -> String {
    "\(count) \(noun)\(count == 1 ? "" : plural)"
}

/// A list as a sentence has it: `a`, `a and b`, `a, b and c`.
func listed(_ items: [String]) -> String {
    guard let last = items.last, items.count > 1 else { return items.first ?? "" }
    return items.dropLast().joined(separator: ", ") + " and " + last
}
