public import BerthFraming
public import BerthSystem

/// How a polite close went.
public struct CloseReport: Sendable, Hashable {
    /// What ended the wait for the peer.
    public enum Ending: Sendable, Hashable {
        /// The peer finished too: everything that was sent has arrived.
        case peerFinished
        /// The peer reset the connection; it may have missed the end of what was sent.
        case peerReset
        /// The peer neither finished nor reset in the time that was given.
        case timedOut
        /// The peer kept sending more than was allowed to be thrown away.
        case discardLimitReached
    }

    public var ending: Ending
    /// Bytes of the peer that were received and thrown away.
    public var discarded: Int
    /// Bytes that the peer had not acknowledged at the end (`SIOCOUTQ`); the kernel goes on trying to deliver them.
    public var unacknowledged: Int

    package init(ending: Ending, discarded: Int, unacknowledged: Int) {
        self.ending = ending
        self.discarded = discarded
        self.unacknowledged = unacknowledged
    }

    /// Whether the peer certainly got everything.
    public var isClean: Bool { ending == .peerFinished && unacknowledged == 0 }
}

/// A direction of a connection.
public enum Direction: Sendable, Hashable {
    /// Nothing more is read: the peer is told nothing, and what has arrived or still arrives can be read before the
    /// end is reported (Linux).
    case reading
    /// Nothing more is written: the peer gets a FIN behind everything that was sent.
    case writing
    case both
}

extension TCPSocket {
    /// Shuts one direction, or both, of the connection, for all descriptors of it. The descriptor stays open.
    ///
    /// The corresponding C function is `shutdown(2)`. A FIN queues behind unsent data: to a peer that does not read, it
    /// is not sent until the peer reads.
    public func shutdown(_ direction: Direction) throws(SocketError) {
        let half: Kernel.Half =
            switch direction {
            case .reading: .reading
            case .writing: .writing
            case .both: .both
            }
        do { try Kernel.shutdown(fileDescriptor, half) } catch {
            throw SocketError(.shutdown, address: peer.description, errno: error)
        }
    }

    /// Ends the connection politely: sends a FIN behind everything that was sent, then reads and throws away what the
    /// peer still sends until it finishes too, and closes.
    ///
    /// This is what keeps the last reply from being lost: a socket closed while input is unread, or still arriving,
    /// sends an RST, and an RST makes the peer's kernel throw away what the peer has not read (RFC 9293, 3.6.1; RFC
    /// 2525, 2.17).
    ///
    /// - Parameters:
    ///   - time: how long to wait for the peer in all. Default 2 s.
    ///   - limit: how many bytes of the peer to throw away. Default 64 KiB.
    /// - Returns: how it went. That the peer reset or did not finish is a report, not an error.
    @discardableResult
    public consuming func finish(
        within time: Duration = .seconds(2), discarding limit: ByteCount = .kibibytes(64)
    ) -> CloseReport {
        let report = lingerUntilPeerFinishes(within: time, discarding: limit)
        close()
        return report
    }

    /// The part of ``finish(within:discarding:)`` before the descriptor is closed.
    package func lingerUntilPeerFinishes(within time: Duration, discarding limit: ByteCount) -> CloseReport {
        var report = CloseReport(ending: .peerFinished, discarded: 0, unacknowledged: 0)
        // Fails with ENOTCONN when the connection is gone already: after an RST, or when both sides have finished before.
        // What is read tells which.
        try? Kernel.shutdown(fileDescriptor, .writing)
        do throws(Errno) {
            report.ending = try discardInput(until: .after(time), limit: limit.bytes, &report.discarded)
        } catch {
            // ETIMEDOUT: what was sent is unacknowledged for longer than TCP_USER_TIMEOUT.
            report.ending = error == .timedOut ? .timedOut : .peerReset
        }
        report.unacknowledged = unacknowledgedBytes
        return report
    }

    private func discardInput(
        until deadline: Deadline, limit: Int, _ discarded: inout Int
    ) throws(Errno) -> CloseReport.Ending {
        var sink = ByteQueue()
        while discarded <= limit {
            do {
                let count = try sink.fill(room: 16_384) { (memory) throws(Errno) in
                    try unsafe Kernel.receive(fileDescriptor, into: memory, flags: .doNotWait)
                }
                if count == 0 { return .peerFinished }
                discarded += count
                sink.removeAll()
            } catch .wouldBlock {
                if try Kernel.wait(for: .readable, on: fileDescriptor, until: deadline).isEmpty { return .timedOut }
            }
            if deadline.hasPassed { return .timedOut }
        }
        return .discardLimitReached
    }

    /// Closes this descriptor. When it is the last one of the connection, the kernel sends what it holds and a FIN, or
    /// an RST when input was left unread; see ``finish(within:discarding:)`` for why that can lose the last reply.
    ///
    /// Never blocks (unless SO_LINGER says so), never fails: the descriptor is gone in any case.
    public consuming func close() {
        _ = consume self
    }

    /// Ends the connection with an RST, at once, for all descriptors of it: nothing that waits is delivered, no
    /// TIME_WAIT remains. For peers that misbehave. The corresponding calls are `setsockopt(2)` with SO_LINGER {1, 0},
    /// `connect(2)` with AF_UNSPEC (which Linux takes as "end it now", whoever else holds the socket), and `close(2)`.
    public consuming func abort() {
        try? Kernel.setResetOnClose(fileDescriptor)
        do { try Kernel.disconnect(fileDescriptor) } catch {
            // Unix sockets know no disconnect; kernels 6.4 to 6.6 refuse it while another thread waits on the socket.
            // This ends the connection for all descriptors as well. When it fails too, the connection is gone.
            try? Kernel.shutdown(fileDescriptor, .both)
        }
        close()
    }

    /// Ends the connection of a descriptor with an RST while its owner, who closes it, may be using it: whoever waits on it
    /// wakes. A FIN, which shutting it would send, would make the peer take what was cut in the middle for the whole.
    package static func cut(_ descriptor: Int32) {
        try? Kernel.setResetOnClose(descriptor)
        do throws(Errno) { try Kernel.disconnect(descriptor) } catch {
            // As in ``abort()``: Unix sockets know no disconnect, and some kernels refuse it here.
            try? Kernel.shutdown(descriptor, .both)
        }
    }

    /// Hands the descriptor to the caller, who closes it from now on. The connection is not touched.
    public consuming func detach() -> Descriptor { descriptor }
}
