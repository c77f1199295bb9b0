internal import BerthSockets
internal import BerthSystem
internal import Synchronization

/// What is done when accepting fails: a pause, and out of descriptors a client that is told. Shared by all threads that
/// accept from one listener, so that they fail together and not each on its own.
final class AcceptRecovery: Sendable {
    private struct State: ~Copyable {
        var backOff = AcceptBackOff()
        var pauseEnd: MonotonicTime?
        /// A descriptor kept for the moment when there is no other: it is given up to accept one connection and refuse
        /// it, so that the client learns of it instead of waiting in the queue.
        var reserve: Descriptor? = Self.newReserve
        var isShedding = false

        static var newReserve: Descriptor? { try? Kernel.open("/dev/null") }
    }

    let core: ServiceCore
    private let state = Monitor(State())
    private let isFailing = Atomic<Bool>(false)

    init(core: ServiceCore) { self.core = core }

    /// When to accept again; `.now` or earlier when nothing is wrong.
    var pauseEnd: MonotonicTime? { isFailing.load(ordering: .relaxed) ? state.withLock { $0.pauseEnd } : nil }

    /// An accept went well: pauses begin with the shortest again.
    func succeeded() {
        guard isFailing.load(ordering: .relaxed) else { return }
        state.withLock { state in
            state.backOff.succeeded()
            state.pauseEnd = nil
            isFailing.store(false, ordering: .relaxed)
        }
    }

    /// An accept failed: reports it, and sees to it that the next is made after a pause. Those that fail while others
    /// pause for the same reason join them, and are not counted.
    ///
    /// - Parameter retake: takes a connection that waits, if there is one, with the descriptor that is free then.
    /// - Returns: that connection, when meanwhile there are descriptors again.
    func failed(_ error: SocketError, retake: () throws(SocketError) -> TCPSocket?) -> TCPSocket? {
        let errno = error.errno ?? .badDescriptor
        let now = MonotonicTime.now
        let isFirst = state.withLock { state in
            if let end = state.pauseEnd, now < end { return false }
            state.backOff.failed(AcceptErrorPolicy.action(for: errno))
            state.pauseEnd = state.backOff.pause.map { now.advanced(by: $0) }
            isFailing.store(true, ordering: .relaxed)
            return true
        }
        guard isFirst else { return nil }
        var socket: TCPSocket?
        if errno == .tooManyOpenFiles || errno == .tooManyOpenFilesInSystem {
            socket = shedOne(errno, retake)
        }
        core.report(.acceptFailed(errno, pause: state.withLock { $0.backOff.pause }))
        return socket
    }

    /// Gives up the reserve for a connection that waits. If the reserve cannot be had again, no descriptor was left but
    /// this one: the connection is reset for it.
    private func shedOne(_ errno: Errno, _ retake: () throws(SocketError) -> TCPSocket?) -> TCPSocket? {
        let isMine = state.withLock { state in
            if state.isShedding { return false }
            state.isShedding = true
            // Closed by going away. When there was none, there may be one to be had by now.
            _ = state.reserve.take()
            return true
        }
        guard isMine else { return nil }
        defer { state.withLock { $0.isShedding = false } }
        let taken = (try? retake()) ?? nil
        let isRestored = restoreReserve()
        guard let socket = taken else { return nil }
        if isRestored { return socket }
        let peer = socket.peer
        socket.abort()
        restoreReserve()
        core.refuse(peer, "no descriptor is left: \(errno)")
        return nil
    }

    /// Opens the reserve again; false when there is no descriptor for it.
    @discardableResult
    private func restoreReserve() -> Bool {
        state.withLock { state in
            state.reserve = State.newReserve
            return state.reserve != nil
        }
    }
}

/// How long to pause after errors of accept: 5 ms, doubling to 1 s, until one succeeds.
struct AcceptBackOff: Sendable {
    static let first: Duration = .milliseconds(5)
    static let longest: Duration = .seconds(1)

    /// `nil` for no pause.
    private(set) var pause: Duration?

    mutating func succeeded() { pause = nil }

    mutating func failed(_ action: AcceptErrorPolicy.Action) {
        switch action {
        // The connection was at fault, not the listener: the next one may be fine.
        case .retry: pause = nil
        case .backOff, .stop: pause = min(Self.longest, pause.map { $0 * 2 } ?? Self.first)
        }
    }
}
