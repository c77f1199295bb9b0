internal import BerthSystem

/// How one process runs many handlers. The handler does not know which: the model is a deployment choice.
public enum ConcurrencyModel: Sendable, Hashable {
    /// N event loops, each a thread that serves many connections; a handler that waits gives its loop to the others.
    ///
    /// The field calls it a reactor: nginx, Node, SwiftNIO, Python's asyncio. For many connections, most of which are
    /// silent, and for little work a message. An idle connection costs some hundred bytes. A handler that computes or
    /// blocks for long holds up all connections of its loop.
    ///
    /// - Parameters:
    ///   - loops: default `nil`: as many as there are processors.
    ///   - io: how the loops ask the kernel.
    case eventLoops(loops: Int? = nil, io: IOMethod = .auto)

    /// A thread for each connection, which is the executor of its handler.
    ///
    /// The field calls it thread-per-connection: Python's ThreadingTCPServer, Java's classic servers. For handlers that
    /// block, call C libraries or compute, and for up to some thousand connections: each costs a thread with its stack,
    /// and its start some 30 µs. ``ServerLimits/maximumConnections`` bounds the threads.
    case threads

    /// N threads, made at the start, that wait in `accept` on one listener; each serves its connection to the end, then
    /// accepts again.
    ///
    /// The field calls it pre-threaded. For short connections, and for work of which only so much may be done at a time
    /// (a database with 20 sessions): no thread is started for a connection, and the kernel wakes one thread for each,
    /// in turn. **N is the number of connections at a time**: N clients that say nothing keep everyone else waiting, so
    /// it takes an idle limit, and is not for clients that stay. A thread that waits costs its stack and a descriptor,
    /// because the kernel sets one aside before it waits.
    ///
    /// ``ServerLimits/maximumConnections`` caps N. Under ``ServerLimits/Overload/wait`` the accept queue is the waiting
    /// room. Under ``ServerLimits/Overload/refuse`` there is one thread more than N: whichever is left over when N are
    /// busy resets what comes.
    ///
    /// - Parameter threads: N. Default `nil`: 8 for each processor and at least 32, as threads that wait for their peers
    ///   cost a processor nothing.
    case threadPool(threads: Int? = nil)

    /// How event loops ask the kernel.
    public enum IOMethod: String, Sendable, Hashable, CaseIterable {
        /// What measured better: io_uring where the kernel has it for us, epoll otherwise.
        case auto
        /// Readiness: `man 7 epoll`.
        case epoll
        /// Completion: `man 7 io_uring`, of Linux 6.1. Where the kernel refuses it (an older one, a sandbox, the sysctl
        /// kernel.io_uring_disabled) it is epoll, and ``ServerEvent/listening(_:backlog:note:)`` says so.
        case uring
    }
}

extension ConcurrencyModel {
    /// One of each kind, with its defaults.
    public static var all: [ConcurrencyModel] { [.eventLoops(), .threads, .threadPool()] }

    /// The model of this name, with its defaults; `nil` when there is none.
    public init?(named name: String) {
        guard let model = Self.all.first(where: { $0.name == name }) else { return nil }
        self = model
    }

    /// What it is called on a command line: `event-loops`, `threads`, `thread-pool`.
    public var name: String {
        switch self {
        case .eventLoops: "event-loops"
        case .threads: "threads"
        case .threadPool: "thread-pool"
        }
    }

    /// The same model with numbers in place of its defaults, as a server with these limits runs it.
    public func resolved(for limits: ServerLimits) -> ConcurrencyModel {
        switch self {
        case .eventLoops(let loops, let io): .eventLoops(loops: max(1, loops ?? Kernel.processorCount), io: io)
        case .threads: .threads
        case .threadPool(let threads):
            .threadPool(threads: min(max(1, threads ?? Self.defaultThreads), limits.maximumConnections))
        }
    }

    private static var defaultThreads: Int { max(32, 8 * Kernel.processorCount) }
}

extension ConcurrencyModel: CustomStringConvertible {
    /// The name, and the numbers where they are said: `thread-pool of 32`.
    public var description: String {
        switch self {
        case .eventLoops(let loops, let io):
            name + (loops.map { " of \($0)" } ?? "") + (io == .auto ? "" : " by \(io.rawValue)")
        case .threads: name
        case .threadPool(let threads): name + (threads.map { " of \($0)" } ?? "")
        }
    }
}
