internal import BerthSockets
internal import BerthSystem

/// Accepted connections that wait for room, in the order in which they came, each for so long and no longer. A thread serves
/// it while there is somebody.
final class WaitingRoom: Sendable {
    private struct Guest {
        let descriptor: Int32
        let peer: SocketAddress
        let deadline: Deadline

        /// To be called once.
        func takeSocket() -> TCPSocket { TCPSocket(descriptor: Descriptor(owning: descriptor), peer: peer) }
    }

    private struct State {
        var guests: [Guest] = []
        var hasThread = false
        var start: (@Sendable (Admitted) -> Void)?
    }

    private let time: Duration
    private let most: Int
    private let state = Monitor(State())

    init(time: Duration, most: Int) {
        self.time = time
        self.most = max(1, most)
    }

    /// Has the engine say how it begins to serve a connection, from any thread.
    func whenThereIsRoom(_ start: @escaping @Sendable (Admitted) -> Void) { state.withLock { $0.start = start } }

    var isEmpty: Bool { state.withLock { $0.guests.isEmpty } }

    /// Takes a connection in, or gives it back when it is full.
    func take(_ socket: consuming TCPSocket, core: ServiceCore) -> TCPSocket? {
        let peer = socket.peer
        let number = socket.fileDescriptor
        let deadline = Deadline.after(time)
        let taken: (isTaken: Bool, isFirst: Bool) = state.change { [most] state in
            if state.guests.count >= most { return (false, false) }
            state.guests.append(Guest(descriptor: number, peer: peer, deadline: deadline))
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
                if leaves(first) { core.turnAway(first.takeSocket(), .waited(time)) }
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
        state.change { state in
            guard state.guests.first?.descriptor == guest.descriptor else { return false }
            state.guests.removeFirst()
            return true
        }
    }

    private func refuseAll(_ core: ServiceCore, _ refusal: Refusal) {
        let guests: [Guest] = state.change { state in
            defer { state.guests = [] }
            return state.guests
        }
        for guest in guests { core.turnAway(guest.takeSocket(), refusal) }
    }

    /// Waits until nobody waits any more, and refuses who still does at the deadline.
    func close(until deadline: Deadline, core: ServiceCore) {
        _ = state.wait(until: deadline) { $0.guests.isEmpty && !$0.hasThread ? true : nil }
        refuseAll(core, .ending)
    }
}
