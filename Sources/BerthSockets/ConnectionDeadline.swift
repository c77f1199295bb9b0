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
