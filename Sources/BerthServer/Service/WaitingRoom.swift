internal import BerthSockets
internal import BerthSystem
internal import Synchronization

/// Accepted connections that wait for room, in the order in which they came, each for so long and no longer. A thread serves
/// it while there is somebody.
final class WaitingRoom: Sendable {
    private struct Guest {
        let descriptor: Int32
        let peer: SocketAddress
        let time: Duration
        let deadline: Deadline

        /// To be called once.
        func takeSocket() -> TCPSocket { TCPSocket(descriptor: Descriptor(owning: descriptor), peer: peer) }
    }

    private struct State {
        var guests: [Guest] = []
        var hasThread = false
        var start: (@Sendable (Admitted) -> Void)?
    }

    private let state = Monitor(State())
    /// How many guests there are, for those who only want to know whether there are any.
    private let count = Atomic<Int>(0)

    /// Has the engine say how it begins to serve a connection, from any thread.
    func whenThereIsRoom(_ start: @escaping @Sendable (Admitted) -> Void) { state.withLock { $0.start = start } }

    var isEmpty: Bool { count.load(ordering: .relaxed) == 0 }

    /// Takes a connection in for so long, or gives it back when there are so many.
    func take(
        _ socket: consuming TCPSocket, for time: Duration, atMost most: Int, core: ServiceCore
    ) -> TCPSocket? {
        let peer = socket.peer
        let number = socket.fileDescriptor
        let deadline = Deadline.after(time)
        let taken: (isTaken: Bool, isFirst: Bool) = state.change { [self] state in
            if state.guests.count >= most { return (false, false) }
            state.guests.append(Guest(descriptor: number, peer: peer, time: time, deadline: deadline))
            count.store(state.guests.count, ordering: .relaxed)
            defer { state.hasThread = true }
            return (true, !state.hasThread)
        }
        if !taken.isTaken { return socket }
        _ = socket.detach().release()
        guard taken.isFirst else { return nil }
        do throws(Errno) { try Thread.start(name: "berth-waiting") { [self] in serve(core) } } catch {
            state.change { $0.hasThread = false }
            refuseAll(core, .thread(error))
        }
        return nil
    }

    /// Serves those who wait until there is nobody.
    private func serve(_ core: ServiceCore) {
        while true {
            let first: Guest? = state.change { state in
                if state.guests.isEmpty { state.hasThread = false }
                return state.guests.first
            }
            guard let first else { return }
            if core.table.isHurried {
                refuseAll(core, .ending)
            } else if first.deadline.hasPassed {
                if leaves(first) { core.turnAway(first.takeSocket(), .waited(first.time)) }
            } else if let admitted = tryToAdmit(first, core) {
                state.withLock { $0.start }?(admitted)
            }
        }
    }

    /// Admits the first guest when there is room for it; otherwise waits for some.
    private func tryToAdmit(_ guest: Guest, _ core: ServiceCore) -> Admitted? {
        if core.reserve() != nil {
            core.waitForRoom()
            return nil
        }
        guard leaves(guest) else {
            core.cancelReservation()
            return nil
        }
        return core.admit(guest.takeSocket(), isReserved: true)
    }

    /// Lets the first guest go, unless all were refused meanwhile.
    private func leaves(_ guest: Guest) -> Bool {
        state.change { [self] state in
            guard state.guests.first?.descriptor == guest.descriptor else { return false }
            state.guests.removeFirst()
            count.store(state.guests.count, ordering: .relaxed)
            return true
        }
    }

    private func refuseAll(_ core: ServiceCore, _ refusal: Refusal) {
        let guests: [Guest] = state.change { [self] state in
            defer {
                state.guests = []
                count.store(0, ordering: .relaxed)
            }
            return state.guests
        }
        for guest in guests { core.turnAway(guest.takeSocket(), refusal) }
    }

    /// Waits until nobody waits any more, and refuses who still does at the deadline. Lets go of the engine.
    func close(until deadline: Deadline, core: ServiceCore) {
        _ = state.wait(until: deadline) { $0.guests.isEmpty && !$0.hasThread ? true : nil }
        refuseAll(core, .ending)
        state.withLock { $0.start = nil }
    }
}
