internal import BerthSystem

/// Reads processes from `/proc`, with what all of them share read once.
struct ProcessReader {
    private let users: UserNames
    private let uptime: Int64?
    private let wallClock: Int64

    init() {
        users = .read()
        uptime = Self.text("/proc/uptime").flatMap(ProcessStat.uptime)
        wallClock = Kernel.wallClock
    }

    /// A process; `nil` when there is none with this number, or no more.
    func process(_ pid: Int32) -> ProcessRecord? {
        guard let stat = Self.stat(pid) else { return nil }
        let arguments = (try? Kernel.contents(of: "/proc/\(pid)/cmdline")).map(ProcessStat.arguments) ?? []
        let user = Self.text("/proc/\(pid)/status").flatMap(ProcessStat.effectiveUser)
        return ProcessRecord(
            pid: pid, parent: stat.parent, name: stat.name, arguments: arguments, user: user,
            userName: user.map { users[$0] }, start: start(stat),
            unit: Self.text("/proc/\(pid)/cgroup").flatMap { ServiceUnit(cgroup: $0) },
            isOrphan: Self.isOrphan(pid, stat), waits: Self.waits(pid),
            parentName: Self.stat(stat.parent)?.name)
    }

    /// A process with its limits and how much of them it uses.
    func facts(_ pid: Int32) -> ProcessFacts? {
        guard let record = process(pid) else { return nil }
        var facts = ProcessFacts(record: record)
        // The size of this directory is the number of descriptors from Linux 6.2 on; before that it is 0.
        if let size = (try? Kernel.status(of: "/proc/\(pid)/fd"))?.size, size > 0 { facts.descriptors = Int(size) }
        if let limits = Self.text("/proc/\(pid)/limits").flatMap(ProcessStat.openFiles) {
            (facts.softLimit, facts.hardLimit) = limits
        }
        let status = Self.text("/proc/\(pid)/status")
        facts.survivesBrokenPipe = status.flatMap { ProcessStat.handles(signal: 13, status: $0) }
        if let ticks = Self.stat(pid)?.processorTicks {
            facts.processorTime = Int(clamping: ticks) * 1000 / Kernel.ticksPerSecond
        }
        let threads = (try? Kernel.names(inDirectory: "/proc/\(pid)/task")) ?? []
        facts.threads = max(1, threads.count)
        facts.runningThreads = threads.prefix(64).count { thread in
            Self.text("/proc/\(pid)/task/\(thread)/stat").flatMap { ProcessStat($0) }?.isRunning == true
        }
        return facts
    }

    /// The start time counts from the start of the machine: by way of the age it becomes a time of the wall clock as
    /// that is set now. (`btime` in `/proc/stat` is the same difference, in whole seconds.)
    private func start(_ stat: ProcessStat) -> ProcessRecord.Start? {
        guard let uptime else { return nil }
        let ticks = Int64(clamping: stat.startTicks)
        let (seconds, rest) = ticks.quotientAndRemainder(dividingBy: Int64(Kernel.ticksPerSecond))
        guard seconds < 1_000_000_000 else { return nil }
        let started = seconds * 1_000_000_000 + rest * (1_000_000_000 / Int64(Kernel.ticksPerSecond))
        let age = max(0, uptime - started)
        return .init(age: .nanoseconds(age), time: Kernel.localTime(nanosecondsSince1970: wallClock - age))
    }

    /// A process gets its session from the one that started it, unless it opened one itself and so gave it its own
    /// number. A session that is neither its own nor its parent's came from a parent that is gone; so did a process
    /// group whose leader is gone, when the parent is the process that adopts.
    private static func isOrphan(_ pid: Int32, _ stat: ProcessStat) -> Bool? {
        guard stat.parent > 0, let parent = Self.stat(stat.parent) else { return nil }
        if stat.session != pid, stat.session != parent.session { return true }
        return stat.parent == 1 && stat.group != pid && Self.stat(stat.group) == nil
    }

    /// Where the threads wait: `/proc/PID/task/*/wchan`, told to whoever may trace the process. Sixty-four threads
    /// are enough to find the one that accepts.
    private static func waits(_ pid: Int32) -> [String] {
        guard let threads = try? Kernel.names(inDirectory: "/proc/\(pid)/task") else { return [] }
        return threads.prefix(64).compactMap { thread in
            let place = text("/proc/\(pid)/task/\(thread)/wchan")
            // "0" is a running thread, and the answer to those who may not know.
            return place == nil || place == "" || place == "0" ? nil : place
        }
    }

    private static func stat(_ pid: Int32) -> ProcessStat? { text("/proc/\(pid)/stat").flatMap { ProcessStat($0) } }

    private static func text(_ path: String) -> String? {
        (try? Kernel.contents(of: path)).map { String(decoding: $0, as: UTF8.self) }
    }
}
