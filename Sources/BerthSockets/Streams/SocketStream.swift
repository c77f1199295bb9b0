public import BerthFraming
public import BerthSystem

/// A connection as a stream of bytes, lines and frames, with one buffer for each direction. It blocks.
///
/// All ways to read take from the same buffer, so lines, frames, exact counts and raw reads can be mixed freely and no
/// byte is lost between them (the trap of `makefile().readline()` followed by `recv`). Writes are gathered, and sent
/// when 64 KiB have gathered, before any read has to wait for the peer, when ``flush()`` is called, and by
/// ``finish(within:discarding:)``: a question is never kept back while one waits for its answer.
///
/// A read that fails at its deadline loses nothing: what had arrived stays in the buffer, and the read can be repeated.
/// After a send that failed, bytes are missing in what the peer gets: later writes fail with the same error, reads still
/// work.
///
/// Not for use by two threads at a time; duplicate the socket for that.
public final class SocketStream {
    /// The least and the most that one receive asks for. It grows while the peer fills it.
    static let receiveSizes = (least: 16 << 10, most: 512 << 10)

    var socket: TCPSocket?
    /// Owned by this object, which frees it: at a fixed place, so that reaching it costs no check.
    package let memory: UnsafeMutablePointer<StreamCore>
    var receiveSize = SocketStream.receiveSizes.least
    var interruption: StreamInterruption?
    /// The socket's SO_RCVTIMEO, as far as this stream has set it.
    private(set) var patienceSet: Duration?

    /// The address of the peer.
    public let peer: SocketAddress

    /// The longest line that ``readLine()`` takes, its end not counted. Default 64 KiB.
    public var maximumLine: ByteCount {
        get { core.input.maximumLine }
        set { core.input.maximumLine = newValue }
    }

    /// Until when reads wait for the peer; ``Deadline/never`` from the start.
    ///
    /// A deadline costs up to two more system calls for each wait. To bound every single wait use ``idleLimit``.
    public var readDeadline: Deadline = .never

    /// How long one wait for the peer to send something may take; `nil`, the default, for as long as it takes. Set by
    /// ``setIdleLimit(_:)``.
    public private(set) var idleLimit: Duration?

    /// How long a send may go on without the peer taking a byte; `nil`, the default, for as long as it takes.
    public var stallLimit: Duration?

    /// What else reads have time for.
    package var clock = DeadlineClock()
    /// How many bytes have come in all.
    var received: UInt64 = 0

    /// Makes a stream of a connected socket.
    ///
    /// - Parameter framing: how ``readFrame()`` and ``writeFrame(_:head:)-(RawSpan,_)`` find the ends of messages.
    public init(_ socket: consuming TCPSocket, framing: Framing = .raw) {
        peer = socket.peer
        self.socket = consume socket
        unsafe memory = .allocate(capacity: 1)
        unsafe memory.initialize(to: StreamCore(framing: SharedFraming(framing)))
    }

    deinit {
        unsafe memory.deinitialize(count: 1)
        unsafe memory.deallocate()
    }

    /// The buffers and codecs.
    var core: StreamCore {
        // The memory lives as long as this object, and belongs to whoever uses it: one thread at a time.
        unsafeAddress { unsafe UnsafePointer(memory) }
        unsafeMutableAddress { unsafe memory }
    }

    /// How frames are read and written from now on. Bytes in the buffer are kept and read the new way.
    public func useFraming(_ framing: Framing) { core.useFraming(framing) }

    /// Bounds each wait for the peer to send something, to at least a millisecond. Costs a busy peer nothing.
    public func setIdleLimit(_ time: Duration?) throws(StreamError) {
        idleLimit = time
        clock.limits.idle = time.map { max(1_000_000, $0.wholeNanoseconds) } ?? .max
        try setPatience(time.map { min($0, Self.patience) } ?? (interruption == nil ? nil : Self.patience))
    }

    /// How long a blocking receive waits in the kernel before it becomes a poll, which can be interrupted and bounded
    /// exactly. A peer that answers sooner costs one system call; one that pauses longer costs two more, once.
    package static let patience: Duration = .milliseconds(200)

    func setPatience(_ time: Duration?) throws(StreamError) {
        if patienceSet == time { return }
        let number = try fileDescriptor
        do throws(Errno) { try Kernel.setReceiveWaitLimit(number, to: time) } catch {
            throw .socket(SocketError(.option("SO_RCVTIMEO"), address: peer.description, errno: error))
        }
        patienceSet = time
    }

    /// Makes reads end, as if the peer had finished, once `interruption` says so.
    ///
    /// - Parameter patienceIsSet: whether the socket has ``patience`` as its SO_RCVTIMEO already, by inheritance from
    ///   its listener.
    package func setInterruption(_ interruption: StreamInterruption, patienceIsSet: Bool) throws(StreamError) {
        self.interruption = interruption
        if patienceIsSet { patienceSet = Self.patience }
        try setPatience(Self.patience)
    }

    /// Waits for a new message do not end any more before all reads do.
    package func heedOnlyForce() { interruption?.heedOnlyForce() }

    /// The number of the descriptor for someone who reads from it directly, with waits that have no bound.
    package func lendDescriptor() throws(StreamError) -> Int32 {
        try setPatience(nil)
        return try fileDescriptor
    }

    /// The number of the socket's descriptor, which stays owned by the stream.
    public var fileDescriptor: Int32 {
        get throws(StreamError) {
            guard let number = socket?.fileDescriptor else { throw .ended }
            return number
        }
    }

    /// The local address.
    public var local: SocketAddress {
        get throws(StreamError) {
            let number = try fileDescriptor
            do throws(Errno) { return SocketAddress(try Kernel.localAddress(number)) } catch {
                throw .socket(SocketError(.open, address: peer.description, errno: error))
            }
        }
    }

    /// How many bytes have arrived and were not read yet.
    public var bufferedCount: Int { core.input.queue.count }

    /// How many bytes were written and not handed to the kernel yet.
    public var unflushedCount: Int { core.output.queue.count }

    /// Whether a wait for a new message was ended by the interruption.
    package var wasInterrupted: Bool { core.input.wasInterrupted }

    /// Whether the peer has finished and everything it sent was read.
    public var isAtEnd: Bool { core.input.isAtEnd }
}
