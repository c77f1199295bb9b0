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

    private static func scaled(_ count: Int64, _ scale: Int64, _ unit: String) -> String {
        let whole = count / scale
        if whole >= 100 { return "\(whole) \(unit)" }
        // Scales are at most 2^50: ten times the rest does not overflow.
        return "\(whole).\(count % scale * 10 / scale) \(unit)"
    }

    private static func twoDigits(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
