public import BerthFraming
internal import BerthSystem

extension SocketStream {
    /// Reads what has arrived, at most `limit` bytes, and waits for at least one; empty at the peer's end.
    public func read(upTo limit: Int = 16_384) throws(StreamError) -> [UInt8] {
        if input.isEmpty, try receive(room: 1) == 0 { return [] }
        return take(min(input.count, max(1, limit)))
    }

    /// Reads exactly `count` bytes.
    ///
    /// - Throws: `FramingError.truncated` when the peer ends before; what had arrived stays in the buffer.
    public func readExactly(_ count: Int) throws(StreamError) -> [UInt8] {
        while input.count < count {
            if try receive(room: count - input.count) == 0 {
                throw .framing(FramingError(.truncated(have: input.count, need: count)))
            }
        }
        return take(max(0, count))
    }

    /// Reads until the peer ends.
    ///
    /// - Parameter limit: the most bytes to hold. Default 1 MiB.
    /// - Throws: `FramingError.frameTooLarge` beyond the limit.
    public func readToEnd(limit: ByteCount = .mebibytes(1)) throws(StreamError) -> [UInt8] {
        repeat {
            if input.count > limit.bytes {
                throw .framing(FramingError(.frameTooLarge(announced: nil, limit: limit, parameter: .maximumFrame)))
            }
        } while try receive(room: 1) > 0
        return take(input.count)
    }

    /// Reads a line, ended by LF or CR LF, without its end; `nil` at the peer's end. A last line without an end counts.
    ///
    /// - Throws: `FramingError` when the line is longer than ``maximumLine`` or not UTF-8.
    public func readLine() throws(StreamError) -> String? {
        var lines = Lines(ending: .either, maximumLine: maximumLine)
        guard let frame = try nextExtent(&lines) else { return nil }
        let text = try decoded { (bytes) throws(FramingError) in try String(strict: bytes.extracting(frame.body)) }
        input.consume(frame.consumed)
        return text
    }

    /// Reads the next frame; `nil` at the peer's end, when that comes between two frames.
    public func readFrame() throws(StreamError) -> Frame? {
        guard let frame = try nextExtent(&decoder) else { return nil }
        defer { input.consume(frame.consumed) }
        return withInput { bytes in Frame(copying: BorrowedFrame(frame, in: bytes)) }
    }

    /// Reads the next frame and calls `body` with it, in place: nothing is copied. `nil` at the peer's end.
    ///
    /// The stream must not be read from within `body`. When `body` throws, the frame counts as read.
    ///
    /// - Throws: ``StreamError``, or what `body` throws.
    public func withFrame<R>(_ body: (borrowing BorrowedFrame) throws -> R) throws -> R? {
        guard let frame = try nextExtent(&decoder) else { return nil }
        defer { input.consume(frame.consumed) }
        return try withInput { bytes in try body(BorrowedFrame(frame, in: bytes)) }
    }

    /// Reads the next frame piece by piece, so that its size does not matter: `begin` gets its head and, where the
    /// protocol tells, the length of its body; then `chunk` gets the body as it arrives.
    ///
    /// After an error of a deadline, of `begin` or of `chunk` it can be repeated and goes on within the frame: what was
    /// given to the two is not given again.
    ///
    /// - Throws: ``StreamError``, or what `begin` or `chunk` throws.
    /// - Returns: `false` at the peer's end, when that comes between two frames.
    public func readFrame(
        begin: (_ head: RawSpan, _ bodyCount: Int?) throws -> Void, chunk: (RawSpan) throws -> Void
    ) throws -> Bool {
        while !isInterrupted {
            // The decoder is behind each piece as soon as it has found it, so the buffer has to be too, come what may.
            switch try step({ (bytes, atEnd) throws(FramingError) in try decoder.decodePart(bytes, atEnd: atEnd) }) {
            case .needsMore(let count): try receive(room: count - input.count)
            case .begin(let head, let bodyCount, let consumed):
                isWithinFrame = true
                defer { input.consume(consumed) }
                try withInput { bytes in try begin(bytes.extracting(head), bodyCount) }
            case .chunk(let range, let consumed):
                defer { input.consume(consumed) }
                try withInput { bytes in try chunk(bytes.extracting(range)) }
            case .finish(let consumed):
                input.consume(consumed)
                isWithinFrame = false
                return true
            case .end: return false
            }
        }
        return false
    }

    /// The lines up to the peer's end. A failure is the last element.
    public var lines: some Sequence<Result<String, StreamError>> {
        elements { (stream) throws(StreamError) in try stream.readLine() }
    }

    /// The frames up to the peer's end. A failure is the last element.
    public var frames: some Sequence<Result<Frame, StreamError>> {
        elements { (stream) throws(StreamError) in try stream.readFrame() }
    }

    private func elements<Element>(
        _ next: @escaping (SocketStream) throws(StreamError) -> Element?
    ) -> some Sequence<Result<Element, StreamError>> {
        var failed = false
        return AnyIterator { [self] in
            if failed { return nil }
            do throws(StreamError) { return try next(self).map { .success($0) } } catch {
                failed = true
                return .failure(error)
            }
        }
    }
}
