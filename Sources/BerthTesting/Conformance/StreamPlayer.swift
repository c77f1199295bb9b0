package import BerthFraming

/// What a stream turned into: whole frames, and how it ended.
package struct Transcript: Equatable, CustomStringConvertible {
    package enum Ending: Equatable, Sendable {
        case end
        case waiting
        case failed(FramingError)
    }

    package var frames: [Frame] = []
    package var ending = Ending.waiting
    /// The most bytes that waited in the buffer before a step.
    package var largestQueue = 0
    /// What broke the contract of `FrameCodec`, if anything.
    package var violation: String?

    package init(frames: [Frame] = [], ending: Ending = .waiting) {
        self.frames = frames
        self.ending = ending
    }

    package var description: String {
        let texts = frames.map { (String(decoding: $0.head, as: UTF8.self), String(decoding: $0.body, as: UTF8.self)) }
        return "frames \(texts), \(ending), violation \(violation ?? "none")"
    }

    package static func == (left: Transcript, right: Transcript) -> Bool {
        left.frames == right.frames && left.ending == right.ending && left.violation == right.violation
    }
}

/// Plays a stream to a codec as a connection does: appends a piece, takes steps until the codec needs more.
package struct StreamPlayer<Codec: FrameCodec> {
    var codec: Codec
    /// Whether the codec is asked again only when it has as many bytes as it said it needs.
    var isObedient = false
    var transcript = Transcript()
    private var pending: Frame?
    private var needed = 0

    init(_ codec: Codec, isObedient: Bool = false) {
        self.codec = codec
        self.isObedient = isObedient
    }

    /// Plays `pieces`, then the end of the stream.
    package static func play(
        _ codec: Codec, _ pieces: [ArraySlice<UInt8>], streamed: Bool = false, isObedient: Bool = false,
        ends: Bool = true
    ) -> Transcript {
        var player = StreamPlayer(codec, isObedient: isObedient)
        var queue = ByteQueue()
        for piece in pieces {
            queue.append(piece.span.bytes)
            player.steps(&queue, atEnd: false, streamed: streamed)
            if player.transcript.ending != .waiting { return player.checkedAgain(queue, streamed: streamed) }
        }
        if ends { player.steps(&queue, atEnd: true, streamed: streamed) }
        return player.checkedAgain(queue, streamed: streamed)
    }

    private mutating func steps(_ queue: inout ByteQueue, atEnd: Bool, streamed: Bool) {
        var idle = 0
        while transcript.ending == .waiting, transcript.violation == nil {
            if isObedient, !atEnd, queue.count < needed { return }
            transcript.largestQueue = max(transcript.largestQueue, queue.count)
            do throws(FramingError) {
                let before = queue.count
                guard try streamed ? takePart(&queue, atEnd: atEnd) : takeWhole(&queue, atEnd: atEnd) else { return }
                // Beginning and finishing may consume nothing, but not for ever.
                idle = queue.count < before ? 0 : idle + 1
                if idle > 4 { transcript.violation = "no progress" }
            } catch {
                transcript.ending = .failed(error)
            }
        }
    }

    private mutating func takeWhole(_ queue: inout ByteQueue, atEnd: Bool) throws(FramingError) -> Bool {
        switch try codec.decode(queue.bytes, atEnd: atEnd) {
        case .needsMore(let count): return wait(count, queue.count, atEnd)
        case .end: return end(queue.count, atEnd)
        case .frame(let extent):
            needed = 0
            guard extent.consumed <= queue.count, extent.body.upperBound <= extent.consumed,
                extent.head.upperBound <= extent.body.lowerBound || extent.head.isEmpty
            else {
                transcript.violation = "offsets outside of the input"
                return false
            }
            transcript.frames.append(Frame(copying: BorrowedFrame(extent, in: queue.bytes)))
            queue.consume(extent.consumed)
            return true
        }
    }

    private mutating func takePart(_ queue: inout ByteQueue, atEnd: Bool) throws(FramingError) -> Bool {
        var consumed = 0
        switch try codec.decodePart(queue.bytes, atEnd: atEnd) {
        case .needsMore(let count): return wait(count, queue.count, atEnd)
        case .end:
            if pending != nil { transcript.violation = "end within a frame" }
            return end(queue.count, atEnd)
        case .begin(let head, _, let count):
            if pending != nil { transcript.violation = "begin within a frame" }
            guard head.upperBound <= count, count <= queue.count else { break }
            pending = Frame(head: Array(copying: queue.bytes.extracting(head)), body: [])
            consumed = count
        case .chunk(let range, let count):
            if range.isEmpty || pending == nil { transcript.violation = "a chunk that is empty or outside of a frame" }
            guard range.upperBound <= count, count <= queue.count else { break }
            pending?.body += Array(copying: queue.bytes.extracting(range))
            consumed = count
        case .finish(let count):
            guard let frame = pending, count <= queue.count else { break }
            transcript.frames.append(frame)
            pending = nil
            consumed = count
        }
        needed = 0
        queue.consume(consumed)
        return true
    }

    private mutating func wait(_ count: Int, _ present: Int, _ atEnd: Bool) -> Bool {
        if count <= present { transcript.violation = "needs \(count) bytes, has \(present)" }
        if atEnd { transcript.violation = "waits at the end" }
        needed = count
        return false
    }

    private mutating func end(_ left: Int, _ atEnd: Bool) -> Bool {
        if !atEnd || left > 0 { transcript.violation = "an end that is none" }
        transcript.ending = .end
        return false
    }

    /// The transcript, after a look at whether the ending stays what it is.
    private consuming func checkedAgain(_ queue: borrowing ByteQueue, streamed: Bool) -> Transcript {
        guard case .failed(let first) = transcript.ending else { return transcript }
        let other: [UInt8] = Array("anything else\r\n\r\n".utf8)
        for _ in 0..<2 {
            do throws(FramingError) {
                if streamed {
                    _ = try codec.decodePart(other.span.bytes, atEnd: false)
                } else {
                    _ = try codec.decode(other.span.bytes, atEnd: true)
                }
                transcript.violation = "goes on after an error"
            } catch {
                if error != first { transcript.violation = "another error after the first" }
            }
        }
        return transcript
    }
}
