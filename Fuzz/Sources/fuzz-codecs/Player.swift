import Berth
import BerthTesting
import FuzzStreams

/// Plays a stream to a codec in random pieces, checking every step against the contract of `FrameCodec`.
struct Player {
    let stream: [UInt8]
    let mostWaiting: Int
    let streamed: Bool
    var codec: Framing
    var log = FrameLog()
    /// The frame that is being streamed.
    private var pending: Frame?
    private var needed = 0

    init(_ setup: Setup, _ stream: [UInt8], streamed: Bool) {
        self.stream = stream
        self.streamed = streamed
        codec = setup.framing
        mostWaiting = setup.mostWaiting
    }

    mutating func play(_ random: inout SeededGenerator) -> FrameLog {
        // Some connections ask the codec after every read, others only when what it needs is there.
        let isObedient = random.below(2) == 0
        let largestPiece = [1, 4, 16, 128][random.below(4)]
        var position = 0
        var queue = ByteQueue()
        while position < stream.count, isOpen {
            let end = min(stream.count, position + 1 + random.below(largestPiece))
            queue.append(stream[position..<end].span.bytes)
            position = end
            if !isObedient || queue.count >= needed { steps(&queue, atEnd: false) }
        }
        if isOpen { steps(&queue, atEnd: true) }
        if let error = log.error { repeatError(error) }
        return log
    }

    private var isOpen: Bool { log.error == nil && log.violation == nil }

    private mutating func steps(_ queue: inout ByteQueue, atEnd: Bool) {
        var idle = 0
        while isOpen {
            let before = queue.count
            do throws(FramingError) {
                guard try streamed ? takePart(&queue, atEnd) : takeWhole(&queue, atEnd) else { return }
            } catch {
                log.error = error.code
            }
            idle = queue.count < before ? 0 : idle + 1
            if idle > 4 { log.violation = "no progress" }
        }
    }

    private mutating func takeWhole(_ queue: inout ByteQueue, _ atEnd: Bool) throws(FramingError) -> Bool {
        let count = queue.count
        switch try codec.decode(queue.bytes, atEnd: atEnd) {
        case .needsMore(let wanted): return wait(queue, wanted, atEnd)
        case .end: return end(queue, atEnd)
        case .frame(let extent):
            guard extent.consumed <= count, extent.body.upperBound <= extent.consumed, extent.head.lowerBound >= 0,
                extent.head.upperBound <= extent.body.lowerBound
            else {
                log.violation = "offsets outside of the input"
                return false
            }
            let isFirst = log.count == 0
            if extent.consumed == 0 && !(isFirst && atEnd) { log.violation = "a frame of nothing" }
            log.append(Frame(copying: BorrowedFrame(extent, in: queue.bytes)))
            queue.consume(extent.consumed)
            needed = 0
            return true
        }
    }

    private mutating func takePart(_ queue: inout ByteQueue, _ atEnd: Bool) throws(FramingError) -> Bool {
        let count = queue.count
        var consumed = 0
        switch try codec.decodePart(queue.bytes, atEnd: atEnd) {
        case .needsMore(let wanted): return wait(queue, wanted, atEnd)
        case .end:
            if pending != nil { log.violation = "end within a frame" }
            return end(queue, atEnd)
        case .begin(let head, let bodyCount, let taken):
            if pending != nil { log.violation = "begin within a frame" }
            if let bodyCount, bodyCount < 0 { log.violation = "a negative length" }
            guard head.upperBound <= taken, taken <= count else { return outside() }
            pending = Frame(head: queue.withUnsafeBytes { Array($0[head]) }, body: [])
            consumed = taken
        case .chunk(let range, let taken):
            if range.isEmpty { log.violation = "an empty chunk" }
            guard pending != nil, range.upperBound <= taken, taken <= count else { return outside() }
            pending?.body += queue.withUnsafeBytes { Array($0[range]) }
            consumed = taken
        case .finish(let taken):
            guard let frame = pending, taken <= count else { return outside() }
            log.append(frame)
            pending = nil
            consumed = taken
        }
        queue.consume(consumed)
        needed = 0
        return true
    }

    private mutating func outside() -> Bool {
        log.violation = "a piece outside of the input or of a frame"
        return false
    }

    private mutating func wait(_ queue: borrowing ByteQueue, _ wanted: Int, _ atEnd: Bool) -> Bool {
        if wanted <= queue.count { log.violation = "needs no more than it has" }
        if atEnd { log.violation = "waits at the end" }
        if queue.count > mostWaiting { log.violation = "keeps \(queue.count) bytes" }
        if wanted > mostWaiting + 1 { log.violation = "wants \(wanted) bytes" }
        needed = wanted
        return false
    }

    private mutating func end(_ queue: borrowing ByteQueue, _ atEnd: Bool) -> Bool {
        if !atEnd || queue.count > 0 { log.violation = "an end that is none" }
        return false
    }

    /// After an error every call throws it again.
    private mutating func repeatError(_ error: FramingError.Code) {
        do throws(FramingError) {
            if streamed {
                _ = try codec.decodePart(RawSpan(), atEnd: true)
            } else {
                _ = try codec.decode(RawSpan(), atEnd: true)
            }
            log.violation = "goes on after an error"
        } catch {
            if log.error != error.code { log.violation = "another error after the first" }
        }
    }
}
