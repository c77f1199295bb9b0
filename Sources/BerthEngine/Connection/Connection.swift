public import BerthFraming
public import BerthSockets
internal import BerthSystem

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

    /// The buffers and codecs, at a fixed place, so that reaching them costs no check. The stream or the channel owns them.
    @usableFromInline let memory: UnsafeMutablePointer<StreamCore>
    // How the bytes move and how one waits for them: a stream, on a thread that blocks; a channel, on an event loop.
    let stream: SocketStream?
    let channel: UnsafeMutablePointer<Channel>?
    private let ownLoop: EventLoop?
    private let ownCore: LoopCore?
    package let signals: ServerSignals?
    /// What the handler did to end the connection itself.
    package internal(set) var endedBy: Ending?
    /// Called before the descriptor is closed or given away; more than once when ending it failed or was repeated.
    package var willEnd: (() -> Void)?
    /// What went over it, from that moment on; `nil` where the kernel does not count, and for clients.
    package internal(set) var bytes: ByteAccount?
    /// Whether the handler has asked, and was told, that the service is ending.
    package internal(set) var wasToldOfDrain = false
    /// Whether it is told of that at once and not at a moment of its own: when someone else listens for it.
    var isToldAtOnce = false
    /// Whether it has something called when it is told of that.
    var listensToDrain = false
    private var knownLocal: SocketAddress?
    /// Whether this side has opened it.
    let isClient: Bool
    package enum Ending: Sendable {
        case finish(CloseReport)
        case close
        case abort
        case detach
    }

    /// A connection of an engine that blocks.
    package init(
        id: ConnectionID, stream: SocketStream, local: SocketAddress, signals: ServerSignals? = nil,
        isClient: Bool = false
    ) {
        self.id = id
        self.isClient = isClient
        self.signals = signals
        peer = stream.peer
        knownLocal = local
        unsafe memory = stream.memory
        self.stream = stream
        unsafe channel = nil
        ownLoop = nil
        ownCore = nil
    }

    /// A connection of an event loop, whose socket it owns from now on. On the loop's thread.
    package init(
        id: ConnectionID, socket: consuming TCPSocket, framing: SharedFraming, loop: EventLoop,
        signals: ServerSignals? = nil,
        isClient: Bool = false
    ) {
        self.id = id
        self.isClient = isClient
        self.signals = signals
        peer = socket.peer
        let channel = unsafe loop.core.makeChannel(socket.detach(), framing: framing)
        // `core` is the first field.
        unsafe memory = UnsafeMutableRawPointer(channel).assumingMemoryBound(to: StreamCore.self)
        unsafe self.channel = channel
        stream = nil
        ownLoop = loop
        ownCore = loop.core
        unsafe channel.pointee.drainHeed = signals != nil ? .all : .nothing
        unsafe channel.pointee.owner = Unmanaged.passUnretained(self)
    }

    deinit {
        guard let channel = unsafe channel else { return }
        if loop.isCurrent { return unsafe loop.free(channel) }
        // Held until now by someone off the loop, and by nobody any more.
        unsafe channel.pointee.owner = nil
        let side = unsafe LoopSide(channel: channel)
        eventLoop.call { [loop] in unsafe loop.free(side.channel) }
    }

    // Not nil wherever there is a channel: they are set together, and nobody asks without having looked for that.

    /// The loop of a connection that has a channel, for those on its thread.
    var loop: LoopCore { unsafe ownCore.unsafelyUnwrapped }
    /// The loop of a connection that has a channel, from any thread.
    var eventLoop: EventLoop { unsafe ownLoop.unsafelyUnwrapped }

    /// The buffers and codecs.
    @inlinable var core: StreamCore {
        // The memory lives as long as this object, and only its handler's task reaches it.
        unsafeAddress { unsafe UnsafePointer(memory) }
        unsafeMutableAddress { unsafe memory }
    }

    /// The address that the peer connected to: never a wildcard. An unnamed one when the connection was gone before
    /// anyone asked.
    public var local: SocketAddress {
        if let knownLocal { return knownLocal }
        let found = (try? Kernel.localAddress(fileDescriptor)).map { SocketAddress($0) } ?? .unnamed
        knownLocal = found
        return found
    }

    /// From now on a wait fails that begins after the present task, which is the handler's, was cancelled. To be ended by
    /// ``disregardCancellation()`` while the task is there.
    package func heedCancellation() { unsafe channel?.pointee.task = TaskMark() }

    /// From now on the cancellation of the handler's task ends no wait: when the handler has ended, and what it has written
    /// is still to be sent.
    package func disregardCancellation() {
        unsafe channel?.pointee.heedsCancellation = false
        unsafe channel?.pointee.task = nil
    }

    /// Whether the peer has finished and everything it sent was read.
    public var isAtEnd: Bool { core.input.isAtEnd }

    /// Whether a wait for a new message was ended because the service ends.
    package var wasInterrupted: Bool { core.input.wasInterrupted }

    /// How frames are read and written from now on. Bytes in the buffer are kept and read the new way.
    public func useFraming(_ framing: Framing) { core.useFraming(framing) }

    /// The longest line that ``readLine()`` takes, its end not counted. Default 64 KiB.
    public var maximumLine: ByteCount {
        get { core.input.maximumLine }
        set { core.input.maximumLine = newValue }
    }
}
