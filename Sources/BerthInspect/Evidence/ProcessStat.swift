/// The fields of `/proc/PID/stat` that are of use here (`man 5 proc_pid_stat`).
struct ProcessStat: Sendable, Hashable {
    var name: String
    var parent: Int32
    var group: Int32
    var session: Int32
    /// Ticks from the start of the machine to the start of the process.
    var startTicks: UInt64
    /// Ticks on a processor so far, in user and system mode.
    var processorTicks: UInt64
    /// Whether the first thread runs, or waits only for a processor.
    var isRunning: Bool

    /// The name is in parentheses and may itself hold parentheses, spaces and line breaks: it ends at the last one.
    init?(_ text: String) {
        guard let open = text.firstIndex(of: "("), let close = text.lastIndex(of: ")"), open < close else { return nil }
        let fields = text[text.index(after: close)...].split(separator: " ")
        // Field 3 of the manual page is the first one here, field 22 the twentieth.
        guard fields.count >= 20, let parent = Int32(fields[1]), let group = Int32(fields[2]),
            let session = Int32(fields[3]), let userTicks = UInt64(fields[11]), let systemTicks = UInt64(fields[12]),
            let startTicks = UInt64(fields[19])
        else { return nil }
        self.name = String(text[text.index(after: open)..<close])
        self.parent = parent
        self.group = group
        self.session = session
        self.startTicks = startTicks
        processorTicks = userTicks &+ systemTicks
        isRunning = fields[0] == "R"
    }

    /// The effective user in `/proc/PID/status`: the second number of the line `Uid:`.
    static func effectiveUser(status text: String) -> UInt32? {
        guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix("Uid:") }) else { return nil }
        let fields = line.split { $0 == "\t" || $0 == " " }
        return fields.count > 2 ? UInt32(fields[2]) : nil
    }

    /// The effective capabilities in `/proc/PID/status`: the line `CapEff:`, in hexadecimal.
    static func effectiveCapabilities(status text: String) -> UInt64? {
        guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix("CapEff:") }) else { return nil }
        let fields = line.split { $0 == "\t" || $0 == " " }
        return fields.count > 1 ? UInt64(fields[1], radix: 16) : nil
    }

    /// Max open files in `/proc/PID/limits`, soft and hard; "unlimited" is the greatest number.
    static func openFiles(limits text: String) -> (soft: Int, hard: Int)? {
        guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix("Max open files") }) else {
            return nil
        }
        let fields = line.dropFirst("Max open files".count).split(separator: " ")
        guard fields.count >= 2 else { return nil }
        func number(_ field: Substring) -> Int? { field == "unlimited" ? ProcessFacts.unlimited : Int(field) }
        guard let soft = number(fields[0]), let hard = number(fields[1]) else { return nil }
        return (soft, hard)
    }

    /// Whether `/proc/PID/status` says that a signal is ignored, blocked or caught, so that it does not end the process.
    static func handles(signal: Int, status text: String) -> Bool? {
        var isKnown = false
        for line in text.split(separator: "\n") {
            guard let name = ["SigBlk:", "SigIgn:", "SigCgt:"].first(where: { line.hasPrefix($0) }) else { continue }
            guard let mask = UInt64(line.dropFirst(name.count).drop { $0 == "\t" || $0 == " " }, radix: 16) else {
                continue
            }
            isKnown = true
            if mask & (1 << UInt64(signal - 1)) != 0 { return true }
        }
        return isKnown ? false : nil
    }

    /// The arguments in `/proc/PID/cmdline`: each ends in a null byte. A process may overwrite them with anything.
    static func arguments(cmdline bytes: [UInt8]) -> [String] {
        var parts = bytes.split(separator: 0, omittingEmptySubsequences: false)
        while parts.last?.isEmpty == true { parts.removeLast() }
        return parts.map { String(decoding: $0, as: UTF8.self) }
    }

    /// The first number of `/proc/uptime`, in nanoseconds.
    static func uptime(_ text: String) -> Int64? {
        guard let field = text.split(separator: " ").first, let seconds = Double(field), seconds >= 0, seconds < 1e9
        else { return nil }
        return Int64(seconds * 1e9)
    }
}
