public import BerthFraming

/// The sending half of a stream, but for its socket: what has gathered to be sent, the encoder, and why nothing may be
/// sent any more. Everything here is done without the kernel and without waiting.
@usableFromInline
package struct StreamOutput: ~Copyable {
    @usableFromInline package var queue = ByteQueue()
    /// The fast way to encode; `.none` whenever the encoder itself has to be asked, or nothing may be written.
    @usableFromInline package private(set) var layout: PrefixLayout
    /// Whether what is appended will be sent without being asked for; otherwise the owner of the socket has to know first.
    /// Event loops open it while the handler runs.
    @usableFromInline package var isOpen = true
    private var encoder: StreamCodec
    /// Whether we have ended the stream.
    private var isEnded = false
    /// Why a send failed.
    private var failure: SocketError?

    /// Bytes that gather before they are sent without being asked: 64 KiB.
    @usableFromInline package static var gatherLimit: Int { 64 << 10 }
    /// Bodies above this are not copied together with what is around them, but sent from where they are.
    @usableFromInline package static var copyLimit: Int { gatherLimit / 4 }

    /// Appends a frame the fast way; `false`, with nothing appended, where it takes more than that: memory, for example.
    @inlinable @inline(__always)
    package mutating func appendFast(_ body: RawSpan) -> Bool {
        isOpen && layout.append(body, to: &queue)
    }

    package init(framing: SharedFraming) {
        encoder = StreamCodec(framing)
        layout = framing.outputLayout
    }

    package mutating func useFraming(_ framing: SharedFraming) {
        encoder = StreamCodec(framing)
        layout = isEnded || failure != nil ? .none : framing.outputLayout
    }

    /// The stream is over: nothing can be written.
    package mutating func end() {
        isEnded = true
        layout = .none
        queue = ByteQueue()
    }

    /// A send failed: bytes are missing from then on, so that nothing may be sent any more. What had gathered is lost,
    /// and later writes fail in the same way.
    package mutating func fail(_ error: SocketError) {
        failure = error
        layout = .none
        queue.removeAll()
    }

    package func checkNotFailed() throws(StreamError) {
        if let failure { throw .socket(failure) }
    }

    package func checkWritable() throws(StreamError) {
        if isEnded { throw .ended }
        try checkNotFailed()
    }

    /// Appends a frame whose body is small enough to be copied, all or nothing.
    package mutating func appendFrame(_ body: RawSpan, head: RawSpan) throws(StreamError) {
        do throws(FramingError) { try encoder.framing.encode(body, head: head, into: &queue) } catch {
            throw .framing(error)
        }
    }

    /// Appends what precedes a body that is sent from where it is, and returns what follows it. Both are made before
    /// anything is sent, since a codec may refuse a body at its very end.
    package mutating func frameAround(_ body: RawSpan, head: RawSpan) throws(StreamError) -> ByteQueue {
        let before = queue.count
        let unchanged = encoder.framing
        var end = ByteQueue()
        do throws(FramingError) {
            try encoder.framing.encodeBegin(head: head, bodyCount: body.byteCount, into: &queue)
            try encoder.framing.encodeChunk(body)
            try encoder.framing.encodeEnd(into: &end)
        } catch {
            queue.removeLast(queue.count - before)
            encoder.framing = unchanged
            throw .framing(error)
        }
        return end
    }

    package mutating func beginFrame(bodyCount: Int?, head: RawSpan) throws(StreamError) {
        layout = .none
        try encoded { (encoder, output) throws(FramingError) in
            try encoder.encodeBegin(head: head, bodyCount: bodyCount, into: &output)
        }
    }

    /// Checks a piece of the body of the frame that was begun; it is written by the caller.
    package mutating func checkChunk(_ chunk: RawSpan) throws(StreamError) {
        do throws(FramingError) { try encoder.framing.encodeChunk(chunk) } catch { throw .framing(error) }
    }

    package mutating func endFrame() throws(StreamError) {
        try encoded { (encoder, output) throws(FramingError) in try encoder.encodeEnd(into: &output) }
        layout = encoder.framing.layout(upTo: Self.copyLimit)
    }

    /// Appends what `body` encodes, all or nothing.
    private mutating func encoded(
        _ body: (inout Framing, inout ByteQueue) throws(FramingError) -> Void
    ) throws(StreamError) {
        let before = queue.count
        do throws(FramingError) { try body(&encoder.framing, &queue) } catch {
            queue.removeLast(queue.count - before)
            throw .framing(error)
        }
    }
}
