internal import BerthSystem

/// How many handlers are run, in one process or in several. The handler does not know which: the model is a deployment choice.
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

    /// A process for each connection.
    ///
    /// The field calls it forking: inetd, classic Unix servers. For handlers that may crash or leak, one client at a time:
    /// a process serves one connection and ends, so nothing of it reaches another client. A few processes wait in reserve,
    /// so that a connection does not wait for a start; each start takes some 10 ms of a processor, so this is for tens of
    /// connections a second. ``ServerLimits/maximumConnections`` bounds the processes, and there are never more than 512;
    /// more connections have to wait. Otherwise as ``processPool(workers:engine:)``.
    ///
    /// - Parameter reserve: how many processes wait for a connection. Default `nil`: two for each processor.
    case processes(reserve: Int? = nil)

    /// N worker processes that share one listening socket, each with an engine inside.
    ///
    /// The field calls it pre-fork: gunicorn, Apache. For handlers that may crash or leak, for programs that are replaced
    /// while they serve, and for work that one process cannot use all processors for. The first process becomes the
    /// harbour: it opens the listening socket, keeps it to the end, and starts copies of this program as workers, which
    /// find their role when they reach the same ``Server/run()``. Connections wait in the one queue for whoever is free:
    /// nothing is lost when a worker is replaced or dies. Each worker has its own memory; ``ServerLimits`` hold for each.
    ///
    /// - Parameters:
    ///   - workers: N. Default `nil`: as many as there are processors.
    ///   - engine: how each runs its handlers. Default: one event loop.
    case processPool(workers: Int? = nil, engine: Engine = .eventLoops(loops: 1))

    /// N worker processes and N listening sockets on one address, a worker at each: the kernel spreads the connections by
    /// a hash.
    ///
    /// The field knows it as SO_REUSEPORT: nginx's `reuseport`. Spreads connections evenly over many workers with the
    /// least contention. The harbour opens all sockets and closes none under load: the socket of a worker that is gone is
    /// served by a neighbour until the replacement is ready. Otherwise as ``processPool(workers:engine:)``.
    ///
    /// - Parameters:
    ///   - workers: N, also the number of sockets, for good. Default `nil`: as many as there are processors.
    ///   - engine: how each runs its handlers. Default: one event loop.
    case reusePort(workers: Int? = nil, engine: Engine = .eventLoops(loops: 1))

    /// How one process runs many handlers: the models of one process by themselves.
    public enum Engine: Sendable, Hashable {
        /// ``ConcurrencyModel/eventLoops(loops:io:)``
        case eventLoops(loops: Int? = nil, io: IOMethod = .auto)
        /// ``ConcurrencyModel/threads``
        case threads
        /// ``ConcurrencyModel/threadPool(threads:)``
        case threadPool(threads: Int? = nil)
    }

    /// How event loops ask the kernel.
    public enum IOMethod: String, Sendable, Hashable, CaseIterable {
        /// What measured better: io_uring where the kernel has it for us and no other process has the listener too, epoll
        /// otherwise.
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
    public static var all: [ConcurrencyModel] {
        [.eventLoops(), .threads, .threadPool(), .processes(), .processPool(), .reusePort()]
    }

    /// The model of this name, with its defaults; `nil` when there is none.
    public init?(named name: String) {
        guard let model = Self.all.first(where: { $0.name == name }) else { return nil }
        self = model
    }

    /// What it is called on a command line: `event-loops`, `threads`, `thread-pool`, `processes`, `process-pool`,
    /// `reuse-port`.
    public var name: String {
        switch self {
        case .eventLoops, .threads, .threadPool: engine.name
        case .processes: "processes"
        case .processPool: "process-pool"
        case .reusePort: "reuse-port"
        }
    }

    /// How each of its processes runs handlers.
    public var engine: Engine {
        switch self {
        case .eventLoops(let loops, let io): .eventLoops(loops: loops, io: io)
        case .threads, .processes: .threads
        case .threadPool(let threads): .threadPool(threads: threads)
        case .processPool(_, let engine), .reusePort(_, let engine): engine
        }
    }

    /// The model of one process with this engine.
    public init(_ engine: Engine) {
        switch engine {
        case .eventLoops(let loops, let io): self = .eventLoops(loops: loops, io: io)
        case .threads: self = .threads
        case .threadPool(let threads): self = .threadPool(threads: threads)
        }
    }

    /// Whether it has worker processes.
    public var hasWorkers: Bool {
        switch self {
        case .eventLoops, .threads, .threadPool: false
        case .processes, .processPool, .reusePort: true
        }
    }

    /// The same model with numbers in place of its defaults, as a server with these limits runs it.
    public func resolved(for limits: ServerLimits) -> ConcurrencyModel {
        let engine = engine.resolved(for: limits)
        switch self {
        case .eventLoops, .threads, .threadPool: return ConcurrencyModel(engine)
        case .processes(let reserve):
            return .processes(reserve: min(max(1, reserve ?? 2 * Kernel.processorCount), Self.mostProcesses(limits)))
        case .processPool(let workers, _):
            return .processPool(workers: max(1, workers ?? Kernel.processorCount), engine: engine)
        case .reusePort(let workers, _):
            return .reusePort(workers: max(1, workers ?? Kernel.processorCount), engine: engine)
        }
    }
}

extension ConcurrencyModel {
    /// How many processes there are under ``processes(reserve:)``.
    static func mostProcesses(_ limits: ServerLimits) -> Int { min(512, limits.maximumConnections) }
}

extension ConcurrencyModel.Engine {
    /// `event-loops`, `threads`, `thread-pool`.
    public var name: String {
        switch self {
        case .eventLoops: "event-loops"
        case .threads: "threads"
        case .threadPool: "thread-pool"
        }
    }

    /// The same engine with numbers in place of its defaults.
    public func resolved(for limits: ServerLimits) -> Self {
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
    /// The name, and the numbers where they are said: `thread-pool of 32`, `process-pool of 4, event-loops of 1`.
    public var description: String {
        switch self {
        case .eventLoops, .threads, .threadPool: "\(engine)"
        case .processes(let reserve): name + (reserve.map { ", \($0) in reserve" } ?? "")
        case .processPool(let workers, let engine), .reusePort(let workers, let engine):
            name + (workers.map { " of \($0)" } ?? "") + ", \(engine)"
        }
    }
}

extension ConcurrencyModel.Engine: CustomStringConvertible {
    public var description: String {
        switch self {
        case .eventLoops(let loops, let io):
            name + (loops.map { " of \($0)" } ?? "") + (io == .auto ? "" : " by \(io.rawValue)")
        case .threads: name
        case .threadPool(let threads): name + (threads.map { " of \($0)" } ?? "")
        }
    }
}
