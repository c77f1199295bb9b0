internal import BerthSystem

/// What processes have used of the processors.
enum ProcessorTime {
    /// User and system time of a process, all of its threads, ended ones too, together: in steps of a tick, usually
    /// 10 ms (`man 5 proc_pid_stat`, fields 14 and 15). `nil` when there is no such process.
    static func ofProcess(_ pid: Int32) -> Duration? {
        guard let bytes = try? Kernel.contents(of: "/proc/\(pid)/stat", limit: 4096) else { return nil }
        return parse(String(decoding: bytes, as: UTF8.self))
    }

    /// The name of the program may hold anything, parentheses and spaces too: what counts is behind the last one.
    static func parse(_ stat: String) -> Duration? {
        guard let close = stat.lastIndex(of: ")") else { return nil }
        let fields = stat[stat.index(after: close)...].split(separator: " ")
        guard fields.count > 12, let user = Int64(fields[11]), let system = Int64(fields[12]) else { return nil }
        return .nanoseconds((user + system) * (1_000_000_000 / Int64(Kernel.ticksPerSecond)))
    }
}
