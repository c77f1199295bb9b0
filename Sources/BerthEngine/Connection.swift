public import BerthFraming
public import BerthSockets
internal import BerthSystem

/// The number of a connection: unique within a server, counted from 1 in the order of acceptance.
public struct ConnectionID: Sendable, Hashable, Comparable, CustomStringConvertible {
    public let number: UInt64
    package init(number: UInt64) { self.number = number }
    public var description: String { "#\(number)" }
    public static func < (left: ConnectionID, right: ConnectionID) -> Bool { left.number < right.number }
}

/// One connection, as a handler sees it: a stream of bytes, lines and frames, the same under every engine.
///
/// All ways to read take from one buffer and can be mixed; no byte is lost between them. What is written is gathered,
/// and sent when 64 KiB have gathered, whenever the handler waits for anything (its peer, an actor, a timer), by
/// ``flush()``, and at the end. Call ``flush()`` only before a long computation that waits for nothing.
///
/// A connection belongs to its handler's task. It is not `Sendable`; to reach it from elsewhere, send messages to the
/// handler.
public final class Connection {
    /// The number of this connection within its server.
    public let id: ConnectionID
    /// The address of the peer.
    public let peer: SocketAddress
    /// The address that the peer connected to: never a wildcard.
    public let local: SocketAddress

    package let stream: SocketStream
    package let signals: ServerSignals?
    /// What the handler did to end the connection itself.
    package private(set) var endedBy: Ending?
    /// Called before the descriptor is closed or given away; more than once when ending it failed or was repeated.
    package var willEnd: (() -> Void)?
    /// Whether the handler has asked, and was told, that the service is ending.
    package private(set) var wasToldOfDrain = false

    package enum Ending: Sendable {
        case finish(CloseReport)
        case close
        case abort
        case detach
    }

    package init(id: ConnectionID, stream: SocketStream, local: SocketAddress, signals: ServerSignals? = nil) {
        self.id = id
        self.stream = stream
        self.local = local
        self.signals = signals
        peer = stream.peer
    }

    /// Whether the service is ending: reads that would have to wait for a new message report the end of the stream,
    /// messages that have arrived are still delivered.
    public var isDraining: Bool {
        guard let signals, signals.isDraining else { return false }
        wasToldOfDrain = true
        return true
    }

    /// Whether the peer has finished and everything it sent was read.
    public var isAtEnd: Bool { stream.isAtEnd }

    /// How frames are read and written from now on. Bytes in the buffer are kept and read the new way.
    public func useFraming(_ framing: Framing) { stream.useFraming(framing) }

    /// The longest line that ``readLine()`` takes, its end not counted. Default 64 KiB.
    public var maximumLine: ByteCount {
        get { stream.maximumLine }
        set { stream.maximumLine = newValue }
    }

    /// How long one wait for the peer may take; `nil` for as long as it takes. From the server's limits at the start.
    public func setIdleLimit(_ time: Duration?) throws(StreamError) { try stream.setIdleLimit(time) }

    /// How long a send may go on without the peer taking a byte; `nil` for as long as it takes. From the server's
    /// limits at the start.
    public var stallLimit: Duration? {
        get { stream.stallLimit }
        set { stream.stallLimit = newValue }
    }

    /// Flushes, and calls `body` with the number of the socket's descriptor, which stays owned by the connection, and
    /// with one that becomes readable when the service ends. For programs that are started on the connection: waits
    /// are unbounded for them, as they expect.
    package func lendDescriptor<R, E: Error>(
        _ body: (_ descriptor: Int32, _ drainSignal: Int32) throws(E) -> R
    ) throws -> R {
        try stream.flush()
        // Whoever polls the signal is told by it.
        defer { _ = isDraining }
        return try body(try stream.lendDescriptor(), signals?.descriptor ?? -1)
    }
}

// Reading.
extension Connection {
    /// Reads what has arrived, at most `limit` bytes, and waits for at least one; empty at the end.
    public func read(upTo limit: Int = 16_384) async throws(StreamError) -> [UInt8] { try stream.read(upTo: limit) }

    /// Reads exactly `count` bytes.
    ///
    /// - Throws: `FramingError.truncated` when the peer ends before; what had arrived stays in the buffer.
    public func readExactly(_ count: Int) async throws(StreamError) -> [UInt8] { try stream.readExactly(count) }

    /// Reads until the peer ends; at most `limit` bytes, 1 MiB unless told otherwise.
    public func readToEnd(limit: ByteCount = .mebibytes(1)) async throws(StreamError) -> [UInt8] {
        try stream.readToEnd(limit: limit)
    }

    /// Reads a line, ended by LF or CR LF, without its end; `nil` at the peer's end. A last line without an end counts.
    public func readLine() async throws(StreamError) -> String? { try stream.readLine() }

    /// Reads the next frame; `nil` at the peer's end, when that comes between two frames.
    public func readFrame() async throws(StreamError) -> Frame? { try stream.readFrame() }

    /// Reads the next frame and calls `body` with it, in place: nothing is copied. `nil` at the peer's end.
    ///
    /// `body` may write, but not read.
    ///
    /// - Throws: `StreamError`, or what `body` throws.
    public func withFrame<R>(_ body: (borrowing BorrowedFrame) throws -> R) async throws -> R? {
        try stream.withFrame(body)
    }

    /// Reads the next frame piece by piece, so that its size does not matter; `false` at the peer's end.
    public func readFrame(
        begin: (_ head: RawSpan, _ bodyCount: Int?) throws -> Void, chunk: (RawSpan) throws -> Void
    ) async throws -> Bool {
        try stream.readFrame(begin: begin, chunk: chunk)
    }

    /// The lines up to the peer's end: `for try await line in connection.lines { … }`.
    public var lines: ConnectionSequence<String> {
        ConnectionSequence { [stream] () throws(StreamError) in try stream.readLine() }
    }

    /// The frames up to the peer's end: `for try await frame in connection.frames { … }`.
    public var frames: ConnectionSequence<Frame> {
        ConnectionSequence { [stream] () throws(StreamError) in try stream.readFrame() }
    }
}

// Writing.
extension Connection {
    /// Writes bytes; see ``Connection`` for when they are sent.
    public func write(_ bytes: [UInt8]) async throws(StreamError) { try stream.write(bytes) }

    /// Writes bytes.
    public func write(_ bytes: RawSpan) async throws(StreamError) { try stream.write(bytes) }

    /// Writes the UTF-8 bytes of a text.
    public func write(_ text: String) async throws(StreamError) { try stream.write(text) }

    /// Writes one frame.
    public func writeFrame(_ body: [UInt8]) async throws(StreamError) { try stream.writeFrame(body) }

    /// Writes one frame.
    public func writeFrame(_ body: RawSpan, head: RawSpan = RawSpan()) async throws(StreamError) {
        try stream.writeFrame(body, head: head)
    }

    /// Writes the UTF-8 bytes of a text as one frame.
    public func writeFrame(_ text: String) async throws(StreamError) { try stream.writeFrame(text) }

    /// Writes one frame.
    public func writeFrame(_ frame: Frame) async throws(StreamError) { try stream.writeFrame(frame) }

    /// Begins a frame whose body is written in pieces of `bodyCount` bytes in all.
    public func beginFrame(bodyCount: Int?, head: RawSpan = RawSpan()) async throws(StreamError) {
        try stream.beginFrame(bodyCount: bodyCount, head: head)
    }

    /// Writes a piece of the body of the frame that was begun.
    public func writeChunk(_ chunk: RawSpan) async throws(StreamError) { try stream.writeChunk(chunk) }

    /// Writes a piece of the body of the frame that was begun.
    public func writeChunk(_ chunk: [UInt8]) async throws(StreamError) { try stream.writeChunk(chunk) }

    /// Ends the frame that was begun.
    public func endFrame() async throws(StreamError) { try stream.endFrame() }

    /// Hands everything that was written to the kernel; waits while it has no room.
    public func flush() async throws(StreamError) { try stream.flush() }
}

// Ending. A handler that simply returns is finished by its server, which is almost always what one wants.
extension Connection {
    /// Flushes and ends the connection politely; see `TCPSocket.finish(within:discarding:)`.
    @discardableResult
    public func finish(
        within time: Duration = .seconds(2), discarding limit: ByteCount = .kibibytes(64)
    ) async throws(StreamError) -> CloseReport {
        let report = try linger(within: time, discarding: limit)
        endedBy = .finish(report)
        return report
    }

    /// Ends the stream politely. The descriptor is open, and can be cut by the server, until the wait for the peer is
    /// over: only then `willEnd` is called.
    private func linger(within time: Duration, discarding limit: ByteCount) throws(StreamError) -> CloseReport {
        let number: Int32
        do throws(StreamError) {
            let usual = stream.stallLimit
            stream.stallLimit = min(time, usual ?? time)
            defer { stream.stallLimit = usual }
            try stream.flush()
            number = try stream.fileDescriptor
        } catch {
            close(stream)
            throw error
        }
        if stream.isAtEnd {
            willEnd?()
            return try stream.finish(within: time, discarding: limit)
        }
        // Borrowed from the stream, which stays the owner: released again before the stream closes it.
        let borrowed = TCPSocket(descriptor: Descriptor(owning: number), peer: peer)
        var report = borrowed.lingerUntilPeerFinishes(within: time, discarding: limit)
        _ = borrowed.detach().release()
        report.discarded += stream.bufferedCount
        close(stream)
        return report
    }

    private func close(_ stream: SocketStream) {
        willEnd?()
        stream.close()
    }

    /// Flushes and sends a FIN: nothing more can be written, but the peer can still send (a half-close).
    public func finishSending() async throws(StreamError) { try stream.finishSending() }

    /// Closes at once; what was written and not flushed is lost.
    public func close() {
        willEnd?()
        stream.close()
        endedBy = .close
    }

    /// Ends the connection with an RST, on purpose.
    public func abort() {
        willEnd?()
        stream.abort()
        endedBy = .abort
    }

    /// Flushes and hands the socket, with the bytes that had arrived but were not read, to the caller.
    public func detach() async throws(StreamError) -> DetachedStream {
        // Before the descriptor is out of the server's sight: the flush may take as long as the peer likes.
        try stream.flush()
        willEnd?()
        let detached = try stream.detach()
        endedBy = .detach
        return detached
    }
}
