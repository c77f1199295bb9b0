internal import BerthEngine
internal import BerthSockets
internal import BerthSystem

/// The one listener that all threads of a pool accept from, each blocked in accept(2).
///
/// The kernel wakes one of them for each connection, the one that has waited longest: whoever waits in accept(2) does so
/// exclusively and at the end of the line (`prepare_to_wait_exclusive` in `inet_csk_wait_for_connect`), where a poll
/// would wake them all. So the listener stays in blocking mode, without SO_RCVTIMEO, until the service drains.
///
/// Nothing but a shutdown of the listener wakes a thread from accept(2) without a connection, and a shutdown resets
/// whatever is queued. So the door is shut once the queue is empty; see docs/decisions/0006.
final class PoolDoor: PoolEntrance, @unchecked Sendable {
    // Unchecked: `gate` is only read by those counted in `inside`, and only taken when there are none and nobody can
    // enter any more.
    private var gate: Listeners.Gate?

    private struct State {
        /// How many threads are in ``nextConnection()``.
        var inside = 0
        /// Whether the listener was shut down: nobody enters, whoever is inside leaves.
        var isShut = false
        /// How many connections may still be taken while the service drains.
        var left: Int
    }

    /// Those whose accept failed: one of them tries again after the pause, the others wait until it has succeeded.
    private struct Trouble {
        var hasScout = false
        var isDraining = false
    }

    private let core: ServiceCore
    private let recovery: AcceptRecovery
    private let state: Monitor<State>
    private let trouble = Monitor(Trouble())
    private let descriptor: Int32

    init(_ gate: Listeners.Gate, core: ServiceCore) {
        self.core = core
        self.gate = gate
        recovery = AcceptRecovery(core: core)
        // The queue held no more than this when the drain began, and is served in order: who comes later may come for
        // ever. (A queue of n holds n + 1, `man 2 listen` notwithstanding.)
        state = Monitor(State(left: gate.listener.backlog.effective + 1))
        descriptor = gate.listener.fileDescriptor
    }

    /// Waits for a connection, in line with the other threads; `nil` once the service drains and nothing is queued.
    func nextConnection() -> Admitted? {
        while let socket = nextSocket() {
            // A thread that is free is room enough, unless less is allowed than there are threads.
            var isReserved = false
            while core.isWaitingForRoom, !core.signals.isDraining, !isReserved {
                isReserved = core.reserveInTurn()
                if !isReserved { core.waitForRoom() }
            }
            if let admitted = core.admit(socket, isReserved: isReserved) { return admitted }
        }
        return nil
    }

    private func nextSocket() -> TCPSocket? {
        let mayEnter = state.withLock { state in
            if !state.isShut { state.inside += 1 }
            return !state.isShut
        }
        guard mayEnter else { return nil }
        var isScout = false
        defer {
            if isScout { trouble.change { $0.hasScout = false } }
            state.change { $0.inside -= 1 }
        }
        while true {
            var isEmpty = false
            if let socket = takeOne(&isEmpty) { return socket }
            if isEmpty { shut() }
            if state.withLock({ $0.isShut }) { return nil }
            if !isScout { isScout = becomeScout() }
            if !isScout { return nil }
            pause()
        }
    }

    /// Waits until this thread is the one that tries again, of those whose accept failed; false when the service drains.
    ///
    /// If they all did, they would take the descriptor that the reserve gives up from each other.
    private func becomeScout() -> Bool {
        trouble.wait { trouble in
            if !trouble.hasScout {
                trouble.hasScout = true
                return true
            }
            return trouble.isDraining ? false : nil
        } ?? false
    }

    /// Accepts one connection; `nil` when accepting failed, and while the service drains also when none is to be taken
    /// any more, which `isEmpty` says then.
    private func takeOne(_ isEmpty: inout Bool) -> TCPSocket? {
        guard let gate else { return nil }
        do throws(SocketError) {
            recovery.prepare()
            let isDraining = core.signals.isDraining
            let socket = isDraining ? try takeQueued(from: gate.listener) : try gate.listener.accept()
            recovery.succeeded()
            isEmpty = isDraining && socket == nil
            return socket
        } catch {
            if state.withLock({ $0.isShut }) { return nil }
            // Another thread may take it before. Then this one waits in line as any other, which is no harm.
            return recovery.failed(error, on: gate.listener) { () throws(SocketError) in try gate.listener.accept() }
        }
    }

    /// Accepts a connection that was queued when the drain began.
    private func takeQueued(from listener: borrowing TCPListener) throws(SocketError) -> TCPSocket? {
        let isAllowed = state.withLock { state in
            state.left -= 1
            return state.left >= 0
        }
        if !isAllowed { return nil }
        do throws(SocketError) { return try listener.tryAccept() } catch {
            state.withLock { $0.left += 1 }
            throw error
        }
    }

    /// Waits until accepting may be tried again. Only the end of the service cuts it short.
    private func pause() {
        guard let end = recovery.pauseEnd else { return }
        if core.signals.isDraining {
            _ = state.wait(until: Deadline(time: end)) { $0.isShut ? true : nil }
        } else {
            _ = try? Kernel.wait(for: .readable, on: core.signals.descriptor, until: Deadline(time: end))
        }
    }

    /// Wakes whoever waits in accept(2), and lets nobody in any more. Once.
    private func shut() {
        let isFirst = state.change { state in
            defer { state.isShut = true }
            return !state.isShut
        }
        // Fails only on what is no listening socket any more, and then nobody waits there.
        if isFirst { try? Kernel.shutdown(descriptor, .reading) }
    }
}

// The end.
extension PoolDoor {
    private static let glance: Duration = .milliseconds(5)
    private static let forceTime: Duration = .seconds(5)

    /// Ends accepting once the threads have taken what is queued, or else at the deadline, and closes the listener. Call
    /// it when the service drains.
    ///
    /// The threads that serve come to take what is queued, and the first that finds nothing shuts the door. When they all
    /// wait in accept(2), nobody would: then it is shut here.
    func close(until deadline: Deadline) {
        recovery.succeeded()
        trouble.change { $0.isDraining = true }
        while !deadline.hasPassed, !core.table.isHurried, hasWaiting {
            if state.wait(until: .after(Self.glance), { $0.isShut ? true : nil }) != nil { break }
        }
        if hasWaiting { refuseQueued() }
        shut()
        let isDeserted = state.wait(until: .after(Self.forceTime)) { $0.inside == 0 ? true : nil } != nil
        // With someone inside it would be closed under their hands: better to leave it to the end of the process.
        if isDeserted { gate = nil }
    }

    /// How many connections are queued. Not once it closes.
    var waitingCount: Int { gate?.listener.waitingCount ?? 0 }

    /// Whether a connection is queued.
    private var hasWaiting: Bool {
        gate?.listener.hasWaiting ?? false
    }

    /// Resets what is queued and was not taken in time, so that it is counted.
    private func refuseQueued() {
        guard let gate else { return }
        while let socket = try? takeQueued(from: gate.listener) {
            let peer = socket.peer
            socket.abort()
            core.refuse(peer, .ending)
        }
    }
}
