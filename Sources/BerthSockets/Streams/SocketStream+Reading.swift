public import BerthFraming

extension SocketStream {
    /// Reads what has arrived, at most `limit` bytes, and waits for at least one; empty at the peer's end.
    public func read(upTo limit: Int = 16_384) throws(StreamError) -> [UInt8] {
        if core.input.queue.isEmpty, try receive(room: 1) == 0 { return [] }
        return core.input.take(min(core.input.queue.count, max(1, limit)))
    }

    /// Reads exactly `count` bytes.
    ///
    /// - Throws: `FramingError.truncated` when the peer ends before; what had arrived stays in the buffer.
    public func readExactly(_ count: Int) throws(StreamError) -> [UInt8] {
        while core.input.queue.count < count {
            if try receive(room: count - core.input.queue.count) == 0 { throw core.input.truncation(of: count) }
        }
        return core.input.take(max(0, count))
    }

    /// Reads until the peer ends.
    ///
    /// - Parameter limit: the most bytes to hold. Default 1 MiB.
    /// - Throws: `FramingError.frameTooLarge` beyond the limit.
    public func readToEnd(limit: ByteCount = .mebibytes(1)) throws(StreamError) -> [UInt8] {
        repeat { try core.input.checkWhole(limit: limit) } while try receive(room: 1) > 0
        return core.input.take(core.input.queue.count)
    }

    /// Reads a line, ended by LF or CR LF, without its end; `nil` at the peer's end. A last line without an end counts.
    ///
    /// - Throws: `FramingError` when the line is longer than ``maximumLine`` or not UTF-8.
    public func readLine() throws(StreamError) -> String? {
        var lines = core.input.lineCodec
        let line = try awaitWhole { (input) throws(StreamError) in try input.nextLine(&lines) }
        guard let line else { return nil }
        return try core.input.takeLine(line)
    }

    /// Reads the next frame; `nil` at the peer's end, when that comes between two frames.
    public func readFrame() throws(StreamError) -> Frame? {
        guard let extent = try nextFrame() else { return nil }
        return core.input.takeFrame(extent)
    }

    /// Reads the next frame and calls `body` with it, in place: nothing is copied. `nil` at the peer's end.
    ///
    /// The stream must not be read from within `body`. When `body` throws, the frame counts as read.
    ///
    /// - Throws: ``StreamError``, or what `body` throws.
    public func withFrame<R>(_ body: (borrowing BorrowedFrame) throws -> R) throws -> R? {
        guard let extent = try nextFrame() else { return nil }
        defer { core.input.queue.consume(extent.consumed) }
        return try body(BorrowedFrame(extent, in: core.input.queue.bytes))
    }

    private func nextFrame() throws(StreamError) -> FrameExtent? {
        try awaitWhole { (input) throws(StreamError) in try input.nextFrame() }
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
        while true {
            switch try core.input.nextPart(begin: begin, chunk: chunk) {
            case .needsMore(let count): try receive(room: count - core.input.queue.count)
            case .frame: return true
            case .end: return false
            case nil: continue
            }
        }
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
