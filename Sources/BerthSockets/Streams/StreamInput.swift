public import BerthFraming

/// The receiving half of a stream, but for its socket: the buffer, the decoder, and how far the peer is.
///
/// Everything here is done without the kernel and without waiting. What a read still lacks is told as
/// `FrameStep.needsMore`; whoever has the socket receives it, waiting in the way of its engine, and asks again.
@usableFromInline
package struct StreamInput: ~Copyable {
    @usableFromInline package var queue = ByteQueue()
    /// The fast way to decode; `.none` whenever the decoder itself has to be asked.
    @usableFromInline package private(set) var layout: PrefixLayout
    /// Where the frame lies that was found last. Here, and not handed from function to function, because the frames of a
    /// task's functions are what a handler that waits costs.
    @usableFromInline package var found = FrameExtent(body: 0..<0, consumed: 0)
    private var decoder: StreamCodec
    /// The longest line that a read of a line takes, its end not counted.
    package var maximumLine: ByteCount = .kibibytes(64)
    /// Whether the peer has sent its FIN and it was read.
    @usableFromInline package var peerFinished = false
    /// Whether a wait for a new message was ended because the service ends.
    @usableFromInline package var wasInterrupted = false
    /// Whether a streamed frame has begun and not ended.
    package private(set) var isWithinFrame = false

    package init(framing: SharedFraming) {
        decoder = StreamCodec(framing)
        layout = framing.layout
    }

    package mutating func useFraming(_ framing: SharedFraming) {
        decoder = StreamCodec(framing)
        layout = framing.layout
        isWithinFrame = false
    }

    /// Whether the peer has finished and everything it sent was read.
    package var isAtEnd: Bool { peerFinished && queue.isEmpty }

    /// Whether the end of the service may end a wait: only between messages, since one that has begun may still come to
    /// its end.
    package var isBetweenMessages: Bool { queue.isEmpty && !isWithinFrame }

    /// Whether reading ended because of the interruption. Then no codec is asked: to one whose frames end with the stream
    /// it would look like the end of a frame that the peer never sent.
    private var isInterrupted: Bool { wasInterrupted && isBetweenMessages }

    /// Whether nothing more will be received.
    @inlinable package var isOver: Bool { peerFinished || wasInterrupted }
}

extension StreamInput {
    /// Where the next whole frame lies in the input; `.end` at the end of the stream.
    package mutating func nextFrame() throws(StreamError) -> FrameStep {
        if isInterrupted { return .end }
        if !isOver {
            // No codec finds a frame in nothing.
            if queue.isEmpty { return .needsMore(1) }
            if let step = layout.step(queue.bytes) { return step }
        }
        do throws(FramingError) { return try decoder.framing.decode(queue, atEnd: isOver) } catch {
            layout = .none
            throw .framing(error)
        }
    }

    /// The codec that reads one line. It remembers how far it has looked: use one for each line.
    package var lineCodec: Lines { Lines(ending: .either, maximumLine: maximumLine) }

    /// Where the next line lies in the queue.
    package mutating func nextLine(_ lines: inout Lines) throws(StreamError) -> FrameStep {
        if isInterrupted { return .end }
        do throws(FramingError) { return try lines.decode(queue, atEnd: isOver) } catch {
            throw .framing(error)
        }
    }

    /// Takes a line out of the queue. It stays there when it is not UTF-8.
    package mutating func takeLine(_ line: FrameExtent) throws(StreamError) -> String {
        let text: String
        do throws(FramingError) { text = try String(strict: queue.bytes.extracting(line.body)) } catch {
            throw .framing(error)
        }
        queue.consume(line.consumed)
        return text
    }

    /// Takes a frame out of the queue.
    package mutating func takeFrame(_ extent: FrameExtent) -> Frame {
        let frame = Frame(copying: BorrowedFrame(extent, in: queue.bytes))
        queue.consume(extent.consumed)
        return frame
    }

    /// Takes the first `count` bytes, which must have arrived, out of the queue.
    package mutating func take(_ count: Int) -> [UInt8] {
        let bytes = queue.withUnsafeBytes { unsafe Array($0.prefix(count)) }
        queue.consume(count)
        return bytes
    }

    /// What reading exactly `count` bytes came to when the stream ended before.
    package func truncation(of count: Int) -> StreamError {
        .framing(FramingError(.truncated(have: queue.count, need: count)))
    }

    package func checkWhole(limit: ByteCount) throws(StreamError) {
        if queue.count > limit.bytes {
            throw .framing(FramingError(.frameTooLarge(announced: nil, limit: limit, parameter: .maximumFrame)))
        }
    }

    /// Hands the next piece of a streamed frame on: `.needsMore` when it has not arrived, `.end` at the end of the stream,
    /// `nil` when a piece was handed on and more follow, `.frame` when the frame is complete.
    package mutating func nextPart(
        begin: (_ head: RawSpan, _ bodyCount: Int?) throws -> Void, chunk: (RawSpan) throws -> Void
    ) throws -> FrameStep? {
        if isInterrupted { return .end }
        // The decoder is behind each piece as soon as it has found it, so the buffer has to be too, come what may.
        switch try decodePart() {
        case .needsMore(let count): return .needsMore(count)
        case .begin(let head, let bodyCount, let consumed):
            isWithinFrame = true
            layout = .none
            defer { queue.consume(consumed) }
            try begin(queue.bytes.extracting(head), bodyCount)
            return nil
        case .chunk(let range, let consumed):
            defer { queue.consume(consumed) }
            try chunk(queue.bytes.extracting(range))
            return nil
        case .finish(let consumed):
            queue.consume(consumed)
            isWithinFrame = false
            layout = decoder.framing.layout
            return .frame(FrameExtent(body: 0..<0, consumed: consumed))
        case .end: return .end
        }
    }

    private mutating func decodePart() throws(StreamError) -> FramePart {
        do throws(FramingError) { return try decoder.framing.decodePart(queue, atEnd: isOver) } catch {
            layout = .none
            throw .framing(error)
        }
    }
}
