/// What a connection has only so much time for. Each is an outcome of its own, and none of them is moved by what another
/// one waits for.
public enum ConnectionDeadline: String, Sendable, Hashable, CaseIterable {
    /// The first byte of the peer, after it has connected.
    case firstByte = "first byte"
    /// The whole of a message, from its first byte on. Bytes that arrive do not extend it.
    case frame = "whole frame"
    /// So many bytes a second, while a message arrives.
    case rate = "minimum rate"
    /// Anything at all, between two messages.
    case idle = "idle"
    /// Room to send: that the peer reads.
    case writeStall = "write stall"
    /// The end of the connection, however busy it is.
    case age = "age"
    /// What the handler has set itself a time for.
    case handler = "handler"
}

extension SocketError {
    /// The error of a wait that a deadline of its connection has ended.
    package static func passed(
        _ deadline: ConnectionDeadline, limit: Int64, _ operation: Operation, address: String?
    ) -> SocketError {
        let time = Duration.nanoseconds(limit)
        func nothing(_ what: String) -> SocketError {
            .deadline(operation, address: address, nothingHappened: what, within: time, of: deadline)
        }
        switch deadline {
        case .firstByte: return nothing("first byte from the peer")
        case .frame: return nothing("whole message from the peer")
        case .idle: return nothing("byte from the peer")
        case .writeStall: return nothing("room to send (the peer does not read)")
        case .rate:
            return .deadline(
                .rate, operation, address: address, detail: "its message comes with less than \(limit) bytes a second")
        case .age:
            return .deadline(.age, operation, address: address, detail: "the connection is older than \(time.short)")
        case .handler:
            return .deadline(
                .handler, operation, address: address, detail: "the time that its handler has set has passed")
        }
    }
}
