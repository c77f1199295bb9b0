public import BerthFraming
public import BerthSockets

/// Where a synchronous handler writes its replies: the output of the connection whose frame it is given.
///
/// Replies gather and are sent together, when no complete frame is left to be answered.
public struct ReplyWriter {
    @usableFromInline let connection: Connection

    @inlinable init(_ connection: Connection) { self.connection = connection }

    /// Writes one frame; `body` may be the frame that is being answered, or a part of it: nothing is copied twice.
    @inlinable @inline(__always)
    public func writeFrame(_ body: RawSpan, head: RawSpan = RawSpan()) throws(StreamError) {
        if head.isEmpty, connection.core.output.appendFast(body) { return }
        try connection.replyFrame(body, head: head)
    }

    /// Writes `frame` back as it came.
    @inlinable @inline(__always)
    public func writeFrame(_ frame: borrowing BorrowedFrame) throws(StreamError) {
        try writeFrame(frame.body, head: frame.head)
    }

    /// Writes the UTF-8 bytes of a text as one frame.
    public func writeFrame(_ text: String) throws(StreamError) { try writeFrame(text.utf8Span.span.bytes) }

    /// Writes bytes that are no frame.
    public func write(_ bytes: RawSpan) throws(StreamError) { try connection.reply(bytes) }
}
