/// The state of a TCP connection (RFC 9293, section 3.3.2), numbered as the kernel does (`net/tcp_states.h`).
public enum TCPState: UInt8, Sendable, Hashable, CaseIterable {
    case established = 1
    case synSent = 2
    case synReceived = 3
    case finWait1 = 4
    case finWait2 = 5
    case timeWait = 6
    case closed = 7
    case closeWait = 8
    case lastAck = 9
    case listen = 10
    case closing = 11
    /// A connection under way, kept by the kernel in a short form of its own.
    case newSynReceived = 12
}

extension TCPState: CustomStringConvertible {
    /// The name as the RFC and most tools write it, for example `FIN_WAIT2`.
    public var description: String {
        switch self {
        case .established: "ESTABLISHED"
        case .synSent: "SYN_SENT"
        case .synReceived, .newSynReceived: "SYN_RECV"
        case .finWait1: "FIN_WAIT1"
        case .finWait2: "FIN_WAIT2"
        case .timeWait: "TIME_WAIT"
        case .closed: "CLOSE"
        case .closeWait: "CLOSE_WAIT"
        case .lastAck: "LAST_ACK"
        case .listen: "LISTEN"
        case .closing: "CLOSING"
        }
    }
}
