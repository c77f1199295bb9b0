internal import BerthEngine
internal import BerthSockets
internal import BerthSystem

/// Where connections come into a service: the listeners at which it accepts now, of all those that it has. A harbour
/// changes which these are while the service runs.
///
/// Accepting and counting in are one step under a lock: two threads do not take the last place that the maximum leaves,
/// and once ``dock(_:)`` has returned, nothing is accepted any more that is not counted.
final class Entrance: Sendable {
    /// What came of an accept.
    enum Arrival: Sendable {
        case connection(Admitted)
        /// It was above the maximum.
        case refused
        /// None waits, or accepting failed, or the service ends.
        case nothing
        /// There is no room, and who comes shall wait for it.
        case full
    }

    private struct State {
        var gates: [Listeners.Gate]
        /// The indices of those where it accepts.
        var docked: [Int]
        /// Whose turn it is.
        var turn = 0
        /// Is called after the next connection, which is the last.
        var last: (@Sendable () -> Void)?
        var isUsed = false
    }

    let core: ServiceCore
    let recovery: AcceptRecovery
    let isShared: Bool
    private let state: Monitor<State>
    /// For threads that wait: the descriptors, and that of the end of the service. Of many processes that wait for a
    /// connection at the same berth the kernel wakes one.
    private let epoll: Epoll
    private let isForThreads: Bool
    /// Is told when the descriptors have changed.
    private let changed = Monitor<Change?>(nil)

    /// Told that the descriptors have changed, and until when to wait until nobody looks at those any more that are gone.
    /// Says whether that is so.
    typealias Change = @Sendable (_ deadline: Deadline) -> Bool

    /// - Parameters:
    ///   - docked: whether it accepts from all of them at once, or from none until it is told.
    ///   - forThreads: whether threads ``wait()``; event loops do not, and a second watch would cost each connection.
    init(_ listeners: Listeners, core: ServiceCore, docked: Bool, forThreads: Bool) throws(Errno) {
        self.core = core
        recovery = AcceptRecovery(core: core)
        isShared = listeners.isShared
        epoll = try Epoll()
        let gates = listeners.take()
        state = Monitor(State(gates: gates, docked: docked ? Array(gates.indices) : []))
        try epoll.add(core.signals.descriptor, .readable, token: 0)
        isForThreads = forThreads
        if forThreads {
            for descriptor in descriptors { try epoll.add(descriptor, [.readable, .exclusive], token: 1) }
        }
    }

    /// Where it accepts now.
    var descriptors: [Int32] {
        state.withLock { state in state.docked.map { state.gates[$0].listener.fileDescriptor } }
    }

    /// Takes a connection and counts it in. The listeners have turns.
    func takeOne() -> Arrival {
        state.withLock { state in
            if core.signals.isDraining || state.isUsed { return .nothing }
            // Before it is accepted: who has been accepted cannot wait in the kernel any more.
            let isReserved = core.isWaitingForRoom
            if isReserved, !core.reserveInTurn() { return .full }
            for step in state.docked.indices {
                let index = (state.turn + step) % state.docked.count
                guard let socket = recovery.takeOne(from: state.gates[state.docked[index]].listener) else { continue }
                state.turn = index + 1
                if let last = state.last {
                    state.isUsed = true
                    last()
                }
                return core.admit(socket, isReserved: isReserved).map { .connection($0) } ?? .refused
            }
            if isReserved { core.cancelReservation() }
            return .nothing
        }
    }

    /// Accepts one connection and no more, and calls `last` then.
    func acceptOnlyOne(then last: @escaping @Sendable () -> Void) { state.withLock { $0.last = last } }

    /// Waits until a connection is there, where it accepts has changed, or the service ends. While a pause after an error
    /// lasts, only for its end.
    func wait() {
        if let end = recovery.pauseEnd {
            var entries = [PollEntry(core.signals.descriptor, .readable)]
            _ = try? Kernel.poll(&entries, until: Deadline(time: end))
            return
        }
        _ = try? epoll.wait(into: EpollEventList(capacity: 4), timeout: -1)
    }

    // MARK: Docking

    /// Has someone be told, on whatever thread, when the descriptors have changed.
    func whenChanged(_ body: Change?) { changed.withLock { $0 = body } }

    /// Accepts at these listeners and at no others, from now on. Who waits looks at them anew.
    ///
    /// - Parameter deadline: how long to wait until everyone does.
    /// - Returns: whether everyone did.
    @discardableResult
    func dock(_ numbers: [Int], until deadline: Deadline = .after(.zero)) -> Bool {
        state.withLock { state in
            for descriptor in state.docked.map({ state.gates[$0].listener.fileDescriptor }) {
                if isForThreads { try? epoll.remove(descriptor) }
            }
            state.docked = numbers.filter { state.gates.indices.contains($0) }
            guard isForThreads else { return }
            for descriptor in state.docked.map({ state.gates[$0].listener.fileDescriptor }) {
                try? epoll.add(descriptor, [.readable, .exclusive], token: 1)
            }
        }
        return changed.withLock { $0 }?(deadline) ?? true
    }

    /// The same. Where it leaves listeners, returns once nobody here is woken for a connection of theirs any more, or that
    /// has taken too long.
    ///
    /// - Returns: whether connections wait at those: the kernel may have woken this process for them, and nobody else.
    func move(to numbers: [Int]) -> Bool {
        let left = state.withLock { state in
            state.docked.filter { !numbers.contains($0) }.map { state.gates[$0] }
        }
        dock(numbers, until: .after(left.isEmpty ? .zero : Self.closingTime))
        return left.contains { $0.listener.hasWaiting }
    }

    /// Whether a connection waits where it accepts.
    var hasWaiting: Bool {
        state.withLock { state in state.docked.contains { state.gates[$0].listener.hasWaiting } }
    }

    /// How many connections wait where it accepts.
    var waitingCount: Int {
        state.withLock { state in state.docked.reduce(0) { $0 + state.gates[$1].listener.waitingCount } }
    }

    // MARK: The end

    /// Accepts nothing more, and closes this process's descriptors of the listeners.
    ///
    /// Not while an event loop still watches one: the kernel would go on to report a listener to it that another process
    /// has as well, and nobody could stop that (`man 7 epoll`, question 6). Then they are closed by the next call, or by
    /// the end of the process.
    func close() {
        if dock([], until: .after(Self.closingTime)) { state.withLock { $0.gates = [] } }
    }

    private static let closingTime: Duration = .seconds(1)

    /// Takes what the kernel had accepted already when the service began to drain, unless others will.
    func takeRest(until deadline: Deadline, start: (Admitted) -> Void) {
        if isShared { return }
        for gate in state.withLock({ $0.gates }) {
            recovery.takeRest(of: gate.listener, until: deadline) { socket in
                if let admitted = core.admit(socket) { start(admitted) }
            }
        }
    }
}
