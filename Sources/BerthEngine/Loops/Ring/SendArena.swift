/// Memory for small replies that a ring sends: they gather here during a turn of the loop and are sent all together when
/// its requests are handed over.
///
/// It has two halves. What was written to one in a turn is kept through the next, in which the completions say what came of
/// it: the rest of a reply that was sent in part is still there.
struct SendArena: ~Copyable {
    /// Where a reply lies.
    struct Place: BitwiseCopyable {
        var offset: UInt32 = 0
        /// 0 for no reply.
        var count: UInt32 = 0
        var half: Int { offset < UInt32(SendArena.halfSize) ? 0 : 1 }
    }

    static var halfSize: Int { 128 << 10 }
    /// A reply that is larger is worth a call of its own, and not worth being copied.
    static var replyLimit: Int { 4 << 10 }

    private let memory: UnsafeMutableRawPointer
    private var half = 0
    private var used = 0
    /// Replies in each half of which nobody knows yet what came of them.
    private var pending: (Int, Int) = (0, 0)

    init() { unsafe memory = .allocate(byteCount: 2 * Self.halfSize, alignment: 64) }

    deinit { unsafe memory.deallocate() }

    /// Begins a turn: with the half of which everything is known.
    mutating func turn() {
        let other = half == 0 ? pending.1 : pending.0
        if other == 0 {
            half = 1 - half
            used = 0
        } else if (half == 0 ? pending.0 : pending.1) == 0 {
            used = 0
        }
    }

    /// Copies a reply; `nil` when it is too large, or there is no room.
    mutating func put(_ bytes: UnsafeRawBufferPointer) -> Place? {
        guard bytes.count <= Self.replyLimit, used + bytes.count <= Self.halfSize, let start = bytes.baseAddress else {
            return nil
        }
        let offset = half * Self.halfSize + used
        unsafe (memory + offset).copyMemory(from: start, byteCount: bytes.count)
        used += bytes.count
        if half == 0 { pending.0 += 1 } else { pending.1 += 1 }
        return Place(offset: UInt32(offset), count: UInt32(bytes.count))
    }

    func bytes(_ place: Place) -> UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(start: memory + Int(place.offset), count: Int(place.count))
    }

    /// It is known what came of a reply in this half, of which nobody needs a byte any more.
    mutating func finished(half: Int) { if half == 0 { pending.0 -= 1 } else { pending.1 -= 1 } }
}
