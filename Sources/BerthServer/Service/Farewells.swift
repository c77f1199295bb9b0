internal import BerthSockets
internal import BerthSystem

/// Connections that are not served and were told so: ended once the peer has finished, and after a second at the latest. If
/// they were closed at once, what the peer has sent and nobody has read would reset them, and the words would be lost.
final class Farewells: Sendable {
    private struct Guest {
        let descriptor: Int32
        let peer: SocketAddress
        let deadline: Deadline
        var discarded = 0
    }

    private struct State {
        var guests: [Guest] = []
        var hasThread = false
    }

    private let state = Monitor(State())
    private static let patience: Duration = .seconds(1)
    private static let mostDiscarded = 64 << 10
    /// So many wait at a time; others are closed at once.
    private static let most = 256

    /// Sends the words as far as the kernel has room, which for a new connection is enough for any sentence, and ends the
    /// connection.
    func say(_ words: [UInt8], _ socket: consuming TCPSocket) {
        _ = try? socket.trySend(words.span.bytes)
        try? socket.shutdown(.writing)
        let peer = socket.peer
        let number = socket.fileDescriptor
        let taken: (isTaken: Bool, isFirst: Bool) = state.change { state in
            if state.guests.count >= Self.most { return (false, false) }
            state.guests.append(Guest(descriptor: number, peer: peer, deadline: .after(Self.patience)))
            defer { state.hasThread = true }
            return (true, !state.hasThread)
        }
        guard taken.isTaken else { return socket.close() }
        _ = socket.detach().release()
        guard taken.isFirst else { return }
        do throws(Errno) { try Thread.start(name: "berth-farewell") { [self] in serve() } } catch {
            end(
                state.change { state in
                    state.hasThread = false
                    defer { state.guests = [] }
                    return state.guests
                })
        }
    }

    private func serve() {
        while true {
            var guests: [Guest] = state.change { state in
                if state.guests.isEmpty { state.hasThread = false }
                return state.guests
            }
            guard let first = guests.first else { return }
            var entries = guests.map { PollEntry($0.descriptor, .readable) }
            // Who comes meanwhile is looked at after that.
            _ = try? Kernel.poll(&entries, until: first.deadline.earlier(of: .after(.milliseconds(50))))
            for (index, entry) in entries.enumerated() where !entry.found.isEmpty {
                guests[index].discarded = isOver(&guests[index]) ? .max : guests[index].discarded
            }
            let over = guests.filter { $0.discarded > Self.mostDiscarded || $0.deadline.hasPassed }
            let numbers = Set(over.map(\.descriptor))
            let known = Dictionary(uniqueKeysWithValues: guests.map { ($0.descriptor, $0.discarded) })
            state.change { state in
                state.guests.removeAll { numbers.contains($0.descriptor) }
                for index in state.guests.indices {
                    state.guests[index].discarded = known[state.guests[index].descriptor] ?? 0
                }
            }
            end(over)
        }
    }

    /// Throws away what has come; whether the peer has finished, or is gone.
    private func isOver(_ guest: inout Guest) -> Bool {
        var memory = [UInt8](repeating: 0, count: 4096)
        let descriptor = guest.descriptor
        let result = memory.withUnsafeMutableBytes { memory in
            Result { () throws(Errno) in try unsafe Kernel.receive(descriptor, into: memory, flags: .doNotWait) }
        }
        switch result {
        case .success(let count):
            guest.discarded += count
            return count == 0
        case .failure(let errno): return errno != .wouldBlock
        }
    }

    private func end(_ guests: [Guest]) {
        for guest in guests { TCPSocket(descriptor: Descriptor(owning: guest.descriptor), peer: guest.peer).close() }
    }
}
