public import BerthFraming
public import BerthSockets

/// Where a synchronous handler writes its replies: the output of the connection whose frame it is given.
///
/// Replies gather and are sent together, when no complete frame is left to be answered.
public struct ReplyWriter {
    private let stream: SocketStream

    init(_ stream: SocketStream) { self.stream = stream }

    /// Writes one frame; `body` may be the frame that is being answered, or a part of it: nothing is copied twice.
    public func writeFrame(_ body: RawSpan, head: RawSpan = RawSpan()) throws(StreamError) {
        try stream.writeFrame(body, head: head)
    }

    /// Writes `frame` back as it came.
    public func writeFrame(_ frame: borrowing BorrowedFrame) throws(StreamError) {
        try stream.writeFrame(frame.body, head: frame.head)
    }

    /// Writes the UTF-8 bytes of a text as one frame.
    public func writeFrame(_ text: String) throws(StreamError) { try stream.writeFrame(text) }

    /// Writes bytes that are no frame.
    public func write(_ bytes: RawSpan) throws(StreamError) { try stream.write(bytes) }
}

extension Connection {
    /// Reads the next frame and lets `body` answer it, both in place: the fastest way to serve. `false` at the peer's
    /// end. `body` may write, but not read.
    ///
    /// - Throws: `StreamError`, or what `body` throws.
    ///
    /// ```swift
    /// while try await connection.answerFrame({ frame, reply in try reply.writeFrame(frame) }) {}
    /// ```
    public func answerFrame(
        _ body: (borrowing BorrowedFrame, ReplyWriter) throws -> Void
    ) async throws -> Bool {
        let writer = ReplyWriter(stream)
        let answered: Void? = try stream.withFrame { frame in try body(frame, writer) }
        return answered != nil
    }
}
