internal import BerthSystem

/// Sizes, rates and times as people read them. Exact numbers belong into `--json`.
enum Amount {
    /// "0 bytes", "1 byte", "1023 bytes", "1.5 KiB", "4.0 GiB": two digits or more, rounded down.
    static func bytes(_ count: Int64) -> String {
        if count == 1 { return "1 byte" }
        if count < 1024 { return "\(max(0, count)) bytes" }
        var scale: Int64 = 1024
        for unit in ["KiB", "MiB", "GiB", "TiB"] {
            if count / 1024 < scale { return scaled(count, scale, unit) }
            scale *= 1024
        }
        return scaled(count, scale, "PiB")
    }

    /// Bytes in a time, for example "1.2 GiB/s".
    static func rate(_ count: Int64, in time: Duration) -> String {
        let perSecond = Double(max(0, count)) / max(time.inSeconds, 0.001)
        return bytes(perSecond < 9e18 ? Int64(perSecond) : .max) + "/s"
    }

    /// "3 s", "2 min 05 s", "1 h 02 min".
    static func time(_ time: Duration) -> String {
        let seconds = max(0, time.wholeNanoseconds + 500_000_000) / 1_000_000_000
        if seconds < 60 { return "\(seconds) s" }
        if seconds < 3600 { return "\(seconds / 60) min \(twoDigits(seconds % 60)) s" }
        return "\(seconds / 3600) h \(twoDigits(seconds % 3600 / 60)) min"
    }

    /// A time as latencies are told, with three digits: "842 ns", "18.4 µs", "1.20 ms", "2.50 s".
    static func latency(nanoseconds: UInt64) -> String {
        if nanoseconds < 1000 { return "\(nanoseconds) ns" }
        var value = Double(nanoseconds) / 1000
        var unit = "µs"
        // What would be rounded up to a thousand is one of the next unit.
        for next in ["ms", "s"] where value >= 999.5 {
            value /= 1000
            unit = next
        }
        return "\(threeDigits(value)) \(unit)"
    }

    /// Three digits: "0.182", "1.20", "18.4", "842", "1,234".
    static func threeDigits(_ value: Double) -> String {
        guard value.isFinite, value >= 0, value < 1e15 else { return "?" }
        let places = value < 0.9995 ? 3 : value < 9.995 ? 2 : value < 99.95 ? 1 : 0
        let scale = [1, 10, 100, 1000][places]
        let scaled = Int((value * Double(scale)).rounded())
        if places == 0 { return grouped(scaled) }
        let rest = String(scaled % scale)
        return "\(scaled / scale).\(String(repeating: "0", count: places - rest.count))\(rest)"
    }

    /// A whole number with a comma after every third digit.
    static func grouped(_ number: Int) -> String {
        let digits = Array(String(number.magnitude))
        var text = number < 0 ? "-" : ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { text.append(",") }
            text.append(digit)
        }
        return text
    }

    /// "1 reply", "2 replies".
    static func count(_ number: Int, _ one: String, _ many: String) -> String {
        "\(grouped(number)) \(number == 1 ? one : many)"
    }

    private static func scaled(_ count: Int64, _ scale: Int64, _ unit: String) -> String {
        let whole = count / scale
        if whole >= 100 { return "\(whole) \(unit)" }
        // Scales are at most 2^50: ten times the rest does not overflow.
        return "\(whole).\(count % scale * 10 / scale) \(unit)"
    }

    private static func twoDigits(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
