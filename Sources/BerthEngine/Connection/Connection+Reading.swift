public import BerthFraming
public import BerthSockets

extension Connection {
    /// Reads what has arrived, at most `limit` bytes, and waits for at least one; empty at the end.
    public func read(upTo limit: Int = 16_384) async throws(StreamError) -> [UInt8] {
        if core.input.queue.isEmpty, try await receive(room: 1) == 0 { return [] }
        return core.input.take(min(core.input.queue.count, max(1, limit)))
    }

    /// Reads exactly `count` bytes.
    ///
    /// - Throws: `FramingError.truncated` when the peer ends before; what had arrived stays in the buffer.
    public func readExactly(_ count: Int) async throws(StreamError) -> [UInt8] {
        while core.input.queue.count < count {
            if try await receive(room: count - core.input.queue.count) == 0 { throw core.input.truncation(of: count) }
        }
        return core.input.take(max(0, count))
    }

    /// Reads until the peer ends; at most `limit` bytes, 1 MiB unless told otherwise.
    public func readToEnd(limit: ByteCount = .mebibytes(1)) async throws(StreamError) -> [UInt8] {
        repeat { try core.input.checkWhole(limit: limit) } while try await receive(room: 1) > 0
        return core.input.take(core.input.queue.count)
    }

    /// Reads a line, ended by LF or CR LF, without its end; `nil` at the peer's end. A last line without an end counts.
    public func readLine() async throws(StreamError) -> String? {
        var lines = core.input.lineCodec
        while true {
            switch try core.input.nextLine(&lines) {
            case .frame(let line): return try core.input.takeLine(line)
            case .needsMore(let count): _ = try await receive(room: count - core.input.queue.count)
            case .end: return nil
            }
        }
    }

    /// Reads the next frame; `nil` at the peer's end, when that comes between two frames.
    public func readFrame() async throws(StreamError) -> Frame? {
        if let extent = core.input.layout.frame(in: core.input.queue.bytes) { return core.input.takeFrame(extent) }
        guard try await findFrame() else { return nil }
        return core.input.takeFrame(core.input.found)
    }

    /// Reads the next frame and calls `body` with it, in place: nothing is copied. `nil` at the peer's end.
    ///
    /// `body` may write, but not read. When it throws, the frame counts as read.
    ///
    /// - Throws: `StreamError`, or what `body` throws.
    @inlinable @inline(__always)
    public func withFrame<R>(_ body: (borrowing BorrowedFrame) throws -> R) async throws -> R? {
        if let there = unsafe core.input.layout.take(from: &core.input.queue) {
            // It lies where it is until more is received, which `body` cannot do.
            return try body(
                BorrowedFrame(
                    body: unsafe RawSpan(_unsafeStart: there.baseAddress.unsafelyUnwrapped, byteCount: there.count)))
        }
        guard try await findFrame() else { return nil }
        let found = core.input.found
        defer { core.input.queue.consume(found.consumed) }
        return try body(BorrowedFrame(found, in: core.input.queue.bytes))
    }

    /// Reads the next frame and lets `body` answer it, both in place: the fastest way to serve. `false` at the peer's
    /// end. `body` may write, but not read.
    ///
    /// - Throws: `StreamError`, or what `body` throws.
    ///
    /// ```swift
    /// while try await connection.answerFrame({ frame, reply in try reply.writeFrame(frame) }) {}
    /// ```
    @inlinable @inline(__always)
    public func answerFrame(_ body: (borrowing BorrowedFrame, ReplyWriter) throws -> Void) async throws -> Bool {
        // A peer that does not take its replies is not read from: then the output is not open.
        if core.output.isOpen, let there = unsafe core.input.layout.take(from: &core.input.queue) {
            // It lies where it is until more is received, which `body` cannot do.
            try body(
                BorrowedFrame(
                    body: unsafe RawSpan(_unsafeStart: there.baseAddress.unsafelyUnwrapped, byteCount: there.count)),
                ReplyWriter(self))
            return true
        }
        if !core.output.isOpen, !canReply() { try await flush() }
        guard try await findFrame() else { return false }
        let found = core.input.found
        defer { core.input.queue.consume(found.consumed) }
        try body(BorrowedFrame(found, in: core.input.queue.bytes), ReplyWriter(self))
        return true
    }

    /// Reads the next frame piece by piece, so that its size does not matter; `false` at the peer's end.
    public func readFrame(
        begin: (_ head: RawSpan, _ bodyCount: Int?) throws -> Void, chunk: (RawSpan) throws -> Void
    ) async throws -> Bool {
        while true {
            switch try core.input.nextPart(begin: begin, chunk: chunk) {
            case .needsMore(let count): _ = try await receive(room: count - core.input.queue.count)
            case .frame: return true
            case .end: return false
            case nil: continue
            }
        }
    }

    /// The lines up to the peer's end: `for try await line in connection.lines { … }`.
    public var lines: ConnectionSequence<String> {
        ConnectionSequence(self) { (c) throws(StreamError) in try await c.readLine() }
    }

    /// The frames up to the peer's end: `for try await frame in connection.frames { … }`.
    public var frames: ConnectionSequence<Frame> {
        ConnectionSequence(self) { (c) throws(StreamError) in try await c.readFrame() }
    }
}
