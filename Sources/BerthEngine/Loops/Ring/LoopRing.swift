internal import BerthSystem

/// A loop's io_uring, which receives for the connections that it serves and sends their small replies.
///
/// The loop keeps its epoll for everything else (wake-ups, clients, connections with large messages or a peer that does
/// not read), and the ring watches that. See `docs/decisions/0011-io-uring.md`.
struct LoopRing: ~Copyable {
    /// What a completion is of. It is in the token, whose other bits are those of a channel's.
    enum Kind: UInt64 {
        case receive = 0
        /// A reply in either half of the arena.
        case sendOfFirst = 1
        case sendOfSecond = 2
        /// Of a request to cancel, which nobody waits for.
        case cancel = 3

        static var shift: UInt64 { 60 }
        static var mask: UInt64 { 3 << shift }

        func token(_ channel: UInt64) -> UInt64 { channel | rawValue << Self.shift }
    }

    /// The ring tells that the epoll has something.
    static var epollToken: UInt64 { .max - 2 }
    private static var group: UInt16 { 0 }

    var ring: Ring
    var buffers: BufferRing
    var arena: SendArena
    /// Counts how many times requests were handed over.
    var handovers: UInt64 = 1
    /// The listener that is to be watched, -1 for none.
    var listener: Int32 = -1
    /// Whether a request does so.
    var isListenerWatched = false

    /// For a loop whose thread will ``enable()`` it.
    init() throws(RingError) {
        let ring = try Ring(capacity: 2048, completions: 16_384, isDisabled: true)
        // 8 MiB of addresses, and memory as far as messages have filled them.
        buffers = try BufferRing(ring, group: Self.group, count: 256, size: 32 << 10)
        self.ring = ring
        arena = SendArena()
    }

    mutating func enable(watching epoll: Int32) throws(RingError) {
        try ring.enable()
        watch(epoll: epoll)
    }

    mutating func watch(epoll: Int32) { ring.pollMultishot(epoll, .readable, token: Self.epollToken) }

    /// Receives for a channel until it is cancelled.
    mutating func receive(_ fd: Int32, _ token: UInt64) {
        ring.receiveMultishot(fd, group: Self.group, token: Kind.receive.token(token))
    }

    mutating func cancelReceive(_ token: UInt64) {
        ring.cancel(token: Kind.receive.token(token), token: Kind.cancel.token(token))
    }

    /// Tells once when a connection waits, unless it does already. Of several rings that watch a listener the kernel tells
    /// one.
    mutating func watchListener() {
        guard listener >= 0, !isListenerWatched else { return }
        isListenerWatched = true
        ring.pollExclusive(listener, .readable, token: LoopState.listenerToken)
    }

    /// Hands over what has been requested, at once.
    mutating func submit() {
        handovers &+= 1
        ring.submit()
    }

    /// Hands over what has been requested and lets the kernel finish what can be finished, so that it holds no descriptor
    /// whose request was cancelled.
    mutating func settle() {
        handovers &+= 1
        _ = try? ring.submitAndWait(atLeast: 0, nanoseconds: 0)
    }
}
