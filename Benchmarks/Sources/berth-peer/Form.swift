internal import Berth

/// A way to write a service and to run it: what the peers are compared with.
struct Form: Sendable {
    /// How the service is written.
    enum Style {
        /// An async handler that answers each frame in place.
        case borrowed
        /// An async handler that reads and writes frames of its own.
        case owned
        /// A closure that is called with each frame; no task, no `await`.
        case synchronous
    }

    var model: ConcurrencyModel
    var style: Style

    /// - Parameters:
    ///   - name: the first argument of the program.
    ///   - threads: how many loops or threads the model may use, where it has such a number.
    init(_ name: String, threads: Int) throws(ArgumentError) {
        switch name {
        case "threads": self.init(.threads, .borrowed)
        case "threads-owned": self.init(.threads, .owned)
        case "threads-sync": self.init(.threads, .synchronous)
        case "async": self.init(.eventLoops(loops: threads, io: .epoll), .borrowed)
        case "owned": self.init(.eventLoops(loops: threads, io: .epoll), .owned)
        case "sync": self.init(.eventLoops(loops: threads, io: .epoll), .synchronous)
        case "thread-pool": self.init(.threadPool(threads: threads), .borrowed)
        case "uring": self.init(.eventLoops(loops: threads, io: .uring), .borrowed)
        case "uring-sync": self.init(.eventLoops(loops: threads, io: .uring), .synchronous)
        default: throw ArgumentError("there is no form '\(name)'")
        }
    }

    private init(_ model: ConcurrencyModel, _ style: Style) {
        self.model = model
        self.style = style
    }
}
