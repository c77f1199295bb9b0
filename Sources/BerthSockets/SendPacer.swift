internal import BerthSystem

/// Applies a ``SendTimeout`` to a loop of sends.
struct SendPacer {
    let timeout: SendTimeout
    private(set) var deadline: Deadline

    init(_ timeout: SendTimeout) {
        self.timeout = timeout
        deadline =
            switch timeout {
            case .none: .never
            case .perCall(let time), .whole(let time): .after(time)
            }
    }

    /// Whether a call may block for as long as it likes.
    var mayWaitInKernel: Bool { timeout == .none }

    /// Some bytes were sent, not all. A peer that always has a little room never makes a send wait, so that the limit
    /// of the whole message is looked at here too.
    mutating func progressed(on socket: borrowing TCPSocket, taken: Int) throws(SocketError) {
        switch timeout {
        case .none: return
        case .perCall(let time): deadline = .after(time)
        case .whole: if deadline.hasPassed { throw late(socket, taken: taken) }
        }
    }

    /// Decides what a failed send means: waits for room, or throws.
    func check(_ errno: Errno, on socket: borrowing TCPSocket, taken: Int) throws(SocketError) {
        guard errno == .wouldBlock else { throw socket.sendError(errno, taken: taken) }
        do {
            if try !Kernel.wait(for: .writable, on: socket.fileDescriptor, until: deadline).isEmpty { return }
        } catch { throw socket.sendError(error, taken: taken) }
        throw late(socket, taken: taken)
    }

    private func late(_ socket: borrowing TCPSocket, taken: Int) -> SocketError {
        let (what, time) =
            switch timeout {
            case .perCall(let time): ("room to send (the peer does not read)", time)
            case .whole(let time): ("end of the message", time)
            case .none: ("room to send", Duration.zero)  // has no deadline that could pass
            }
        return .deadline(
            .send, address: socket.peer.description, nothingHappened: what, within: time, bytesTaken: taken)
    }
}
