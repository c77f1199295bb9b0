internal import BerthFraming
internal import BerthSystem
internal import CBerth

/// How many bytes went over a connection, or over many, as the kernel counted them (TCP_INFO and SIOCOUTQ, `man 7 tcp`).
///
/// It is asked once, when a connection ends: a message costs nothing. Of Unix sockets the kernel counts no bytes.
public struct ByteAccount: Sendable, Hashable {
    /// Bytes of the peer that have arrived, whether anyone has read them or not.
    public var received: Int
    /// Bytes that were handed to the kernel, each counted once, however often it was sent.
    public var sent: Int
    /// Of those received, how many were thrown away by a polite close.
    public var discarded: Int
    /// Of those sent, how many the peer had not acknowledged at the end: where it had finished before, the last reply, which
    /// is under way. The kernel goes on trying to deliver them, unless the connection was reset.
    public var unacknowledged: Int
    /// Of those not acknowledged, how many had never left: there was no room at the peer.
    public var unsent: Int

    public init(received: Int = 0, sent: Int = 0, discarded: Int = 0, unacknowledged: Int = 0, unsent: Int = 0) {
        self.received = received
        self.sent = sent
        self.discarded = discarded
        self.unacknowledged = unacknowledged
        self.unsent = unsent
    }

    /// Adds another account.
    package mutating func add(_ other: ByteAccount) {
        received += other.received
        sent += other.sent
        discarded += other.discarded
        unacknowledged += other.unacknowledged
        unsent += other.unsent
    }
}

extension ByteAccount: CustomStringConvertible {
    /// For people: `12 bytes received, 448 KiB sent`, and what was discarded or never left, where that is anything.
    public var description: String {
        var parts = ["\(ByteCount(received)) received", "\(ByteCount(sent)) sent"]
        if discarded > 0 { parts.append("\(ByteCount(discarded)) discarded") }
        if unsent > 0 { parts.append("\(ByteCount(unsent)) unsent") }
        return parts.joined(separator: ", ")
    }
}

extension TCPSocket {
    /// What went over the connection so far; `nil` where the kernel does not count.
    ///
    /// - Parameter peerFinished: whether the peer's FIN was read, which the state of a connection that is over does not
    ///   tell.
    package func byteAccount(peerFinished: Bool = false) -> ByteAccount? {
        guard peer.isIP, let info = try? Kernel.tcpInfo(fileDescriptor) else { return nil }
        let state = TCPState(rawValue: info.state)
        // A FIN takes a number in the sequence as a byte does, and the kernel counts it as one that was received.
        // The FIN behind it is one byte of it.
        let unsent = Self.withoutFIN(Int(info.notsent_bytes), state)
        let finished = peerFinished || [.closeWait, .lastAck, .closing, .timeWait].contains(state)
        return ByteAccount(
            received: max(0, Int(clamping: info.bytes_received) - (finished ? 1 : 0)),
            sent: max(0, Int(clamping: info.bytes_sent) - Int(clamping: info.bytes_retrans)) + unsent,
            unacknowledged: Self.withoutFIN((try? Kernel.unsentBytes(fileDescriptor)) ?? 0, state),
            unsent: unsent)
    }

    /// The same of a descriptor whose owner may be using it.
    package static func byteAccount(of descriptor: Int32, from peer: SocketAddress) -> ByteAccount? {
        let borrowed = TCPSocket(descriptor: Descriptor(owning: descriptor), peer: peer)
        let bytes = borrowed.byteAccount()
        _ = borrowed.detach().release()
        return bytes
    }

    /// For how long no data has gone either way over a descriptor's connection.
    package static func silence(of descriptor: Int32) -> Duration? {
        guard let info = try? Kernel.tcpInfo(descriptor) else { return nil }
        return .milliseconds(Int64(min(info.last_data_sent, info.last_data_recv)))
    }

    /// What the peer has not acknowledged without our FIN, which is counted until it is acknowledged.
    static func withoutFIN(_ count: Int, _ state: TCPState?) -> Int {
        switch state {
        case .finWait1?, .closing?, .lastAck?: max(0, count - 1)
        default: count
        }
    }
}
