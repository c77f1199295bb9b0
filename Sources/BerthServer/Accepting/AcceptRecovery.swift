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

        static var newReserve: Descriptor? { try? Kernel.open("/dev/null") }
    }

    let core: ServiceCore
    private let state = Monitor(State())
    private let isFailing = Atomic<Bool>(false)
    private let lacksReserve = Atomic<Bool>(false)

    init(core: ServiceCore) { self.core = core }

    /// When to accept again; `.now` or earlier when nothing is wrong.
    var pauseEnd: MonotonicTime? { isFailing.load(ordering: .relaxed) ? state.withLock { $0.pauseEnd } : nil }

    /// To be called before an accept. A reserve that was lost to someone else comes first: its descriptor is worth more
    /// than one connection.
    func prepare() {
        if lacksReserve.load(ordering: .relaxed) { restoreReserve() }
    }

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
    /// - Parameter retake: takes a connection that waits, with the descriptor that is free then.
    /// - Returns: that connection, when meanwhile there are descriptors again.
    func failed(
        _ error: SocketError, on listener: borrowing TCPListener, retake: () throws(SocketError) -> TCPSocket?
    ) -> TCPSocket? {
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
        // Given up for nothing, it might go to someone else: accept(2) takes a descriptor before it looks for a connection.
        if errno == .tooManyOpenFiles || errno == .tooManyOpenFilesInSystem, listener.hasWaiting {
            socket = shedOne(errno, retake)
        }
        core.report(.acceptFailed(errno, pause: state.withLock { $0.backOff.pause }))
        return socket
    }

    /// Gives up the reserve for a connection that waits. If the reserve cannot be had again, no descriptor was left but
    /// this one: the connection is reset for it.
    private func shedOne(_ errno: Errno, _ retake: () throws(SocketError) -> TCPSocket?) -> TCPSocket? {
        // Closed by going away.
        guard state.withLock({ $0.reserve.take() != nil }) else { return nil }
        let taken = (try? retake()) ?? nil
        let isRestored = restoreReserve()
        guard let socket = taken else { return nil }
        core.noteTaken()
        if isRestored { return socket }
        let peer = socket.peer
        socket.abort()
        restoreReserve()
        core.refuse(peer, .descriptors(errno))
        return nil
    }

    /// Opens the reserve again; false when there is no descriptor for it.
    @discardableResult
    private func restoreReserve() -> Bool {
        state.withLock { state in
            if state.reserve == nil { state.reserve = State.newReserve }
            let isThere = state.reserve != nil
            lacksReserve.store(!isThere, ordering: .relaxed)
            return isThere
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
