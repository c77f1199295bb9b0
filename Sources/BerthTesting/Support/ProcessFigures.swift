internal import BerthSystem

/// What a process has and has used, for tests that nothing grows and nothing spins. Read from `/proc` (`man 5 proc`).
public struct ProcessFigures: Sendable, Hashable {
    /// Memory that is in RAM (`VmRSS`), in bytes.
    public var residentBytes: Int
    /// Open descriptors.
    public var descriptors: Int
    /// Threads.
    public var threads: Int
    /// What all threads have used of the processors since the process began, ended ones too: in steps of a tick, 10 ms.
    public var processorTime: Duration

    /// The figures of a process, now; `nil` when there is none with this number, or it is another user's.
    ///
    /// - Parameter pid: default: this process. Its descriptors do not count the one that reading them takes.
    public init?(of pid: Int32? = nil) {
        let folder = pid.map { "/proc/\($0)" } ?? "/proc/self"
        guard let status = Self.text("\(folder)/status"), let stat = Self.text("\(folder)/stat"),
            let resident = Self.number("VmRSS:", in: status), let threads = Self.number("Threads:", in: status),
            let names = try? Kernel.names(inDirectory: "\(folder)/fd")
        else { return nil }
        // The name of the program may hold anything, parentheses and spaces too: what counts is behind the last one.
        let fields = stat.split(separator: ")").last?.split(separator: " ") ?? []
        guard fields.count > 12, let user = Int64(fields[11]), let system = Int64(fields[12]) else { return nil }
        residentBytes = resident * 1024
        self.threads = threads
        descriptors = names.count - (pid == nil ? 1 : 0)
        processorTime = .nanoseconds((user + system) * (1_000_000_000 / Int64(Kernel.ticksPerSecond)))
    }

    private static func text(_ path: String) -> String? {
        (try? Kernel.contents(of: path, limit: 65_536)).map { String(decoding: $0, as: UTF8.self) }
    }

    private static func number(_ name: String, in text: String) -> Int? {
        guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix(name) }) else { return nil }
        return line.dropFirst(name.count).split { $0 == " " || $0 == "\t" }.first.flatMap { Int($0) }
    }
}
