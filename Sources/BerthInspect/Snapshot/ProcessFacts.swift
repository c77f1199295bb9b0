/// A process that holds sockets, beyond ``ProcessRecord``: what its limits are and how much of them it uses.
package struct ProcessFacts: Sendable, Hashable {
    package var record: ProcessRecord
    /// Open descriptors (`stat("/proc/PID/fd")` tells their number to everyone on Linux 6.2 and later); `nil` where not.
    package var descriptors: Int?
    /// Stands for no limit.
    package static let unlimited = Snapshot.largestFigure

    /// Max open files of `/proc/PID/limits`.
    package var softLimit: Int?
    package var hardLimit: Int?
    /// Whether SIGPIPE is ignored or handled; `nil` where not told.
    package var survivesBrokenPipe: Bool?
    /// Processor time so far, in milliseconds.
    package var processorTime: Int?
    /// How many threads it has, and how many of those that were looked at are running.
    package var threads: Int
    package var runningThreads: Int

    package init(
        record: ProcessRecord, descriptors: Int? = nil, softLimit: Int? = nil, hardLimit: Int? = nil,
        survivesBrokenPipe: Bool? = nil, processorTime: Int? = nil, threads: Int = 1, runningThreads: Int = 0
    ) {
        self.record = record
        self.descriptors = descriptors
        self.softLimit = softLimit
        self.hardLimit = hardLimit
        self.survivesBrokenPipe = survivesBrokenPipe
        self.processorTime = processorTime
        self.threads = threads
        self.runningThreads = runningThreads
    }
}

/// Options of another process's socket, read through a duplicate of its descriptor.
package struct SocketSwitches: Sendable, Hashable {
    package var options: ReuseOptions
    package var isIPv6Only: Bool?
    package var keepAlive: Bool
    package var noDelay: Bool
    /// SO_LINGER is on with this many seconds; `nil` when off.
    package var linger: Int?

    package init(
        options: ReuseOptions, isIPv6Only: Bool? = nil, keepAlive: Bool = false, noDelay: Bool = false,
        linger: Int? = nil
    ) {
        self.options = options
        self.isIPv6Only = isIPv6Only
        self.keepAlive = keepAlive
        self.noDelay = noDelay
        self.linger = linger
    }
}
