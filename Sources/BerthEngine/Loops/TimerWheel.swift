/// A moment that something waits for: a link in one list of a ``TimerWheel``. It lies within what it belongs to, so that
/// arming and cancelling allocate nothing.
struct TimerNode {
    /// Tells whoever fires it whose it is.
    let token: UInt64
    /// The tick at which it fires; -1 while it is in no list.
    fileprivate(set) var tick: Int64 = -1
    /// The moment that it was armed for, in nanoseconds.
    fileprivate(set) var moment: Int64 = 0
    fileprivate var list: Int32 = -1
    fileprivate var previous: UnsafeMutablePointer<TimerNode>?
    fileprivate var next: UnsafeMutablePointer<TimerNode>?

    init(token: UInt64) { self.token = token }

    var isArmed: Bool { tick >= 0 }
}

/// All deadlines of one event loop: a hierarchical timing wheel (Varghese and Lauck, 1987).
///
/// A tick is a millisecond. The 64 lists of the first level hold the next 64 ticks one by one, each list of the second
/// level 64 ticks, and so on for six levels, which is more than two years; what is later waits on the last level and is
/// looked at again once each round. Arming and cancelling take the same time however many there are; a timer moves down at
/// most five times. Nothing fires early.
///
/// It knows no clock: whoever owns it says what time it is.
struct TimerWheel: ~Copyable {
    private static var levels: Int { 6 }
    private static var width: Int { 64 }
    /// The list of what is due.
    private static var due: Int { levels * width }

    private let origin: Int64
    /// All ticks up to this one have been dealt with.
    private var elapsed: Int64 = 0
    private let heads: UnsafeMutablePointer<UnsafeMutablePointer<TimerNode>?>
    /// Which lists of each level are not empty.
    private let occupied: UnsafeMutablePointer<UInt64>

    /// - Parameter now: nanoseconds on the clock that all later calls use.
    init(now: Int64) {
        origin = now
        unsafe heads = .allocate(capacity: Self.due + 1)
        unsafe heads.initialize(repeating: nil, count: Self.due + 1)
        unsafe occupied = .allocate(capacity: Self.levels)
        unsafe occupied.initialize(repeating: 0, count: Self.levels)
    }

    deinit {
        unsafe heads.deallocate()
        unsafe occupied.deallocate()
    }

    /// The first tick that is not before a moment.
    func tick(of nanoseconds: Int64) -> Int64 {
        let (since, overflow) = nanoseconds.subtractingReportingOverflow(origin)
        if overflow || since <= 0 { return 0 }
        return since / 1_000_000 + (since % 1_000_000 > 0 ? 1 : 0)
    }

    /// Makes `node` fire once the moment has come; moves it when it is armed already.
    mutating func arm(_ node: UnsafeMutablePointer<TimerNode>, at nanoseconds: Int64) {
        unsafe cancel(node)
        unsafe node.pointee.moment = nanoseconds
        unsafe node.pointee.tick = tick(of: nanoseconds)
        unsafe insert(node)
    }

    /// Makes `node` not fire; does nothing when it is not armed.
    mutating func cancel(_ node: UnsafeMutablePointer<TimerNode>) {
        guard unsafe node.pointee.isArmed else { return }
        unsafe unlink(node)
        unsafe node.pointee.tick = -1
    }

    /// A timer whose moment has come, which is not armed any more then; `nil` when there is none (any more).
    mutating func popDue(now: Int64) -> UnsafeMutablePointer<TimerNode>? {
        // Rounded down: a tick is over once its last nanosecond is.
        let present = max(elapsed, (now - origin) / 1_000_000)
        while true {
            if let node = unsafe heads[Self.due] {
                unsafe cancel(node)
                return unsafe node
            }
            guard let first = nextList(), first.tick <= present else {
                elapsed = present
                return nil
            }
            elapsed = first.tick
            cascade(first.list)
        }
    }

    /// Until when nothing fires, in nanoseconds; `nil` when nothing is armed. May be earlier than the first timer, when
    /// that has to move down a level before.
    func nextMoment() -> Int64? {
        if unsafe heads[Self.due] != nil { return origin }
        guard let first = nextList() else { return nil }
        return origin + first.tick * 1_000_000
    }

    /// Puts what is in a list where it belongs now: among what is due, or a level down.
    private mutating func cascade(_ list: Int) {
        var rest = unsafe heads[list]
        unsafe heads[list] = nil
        note(list, isOccupied: false)
        // Taken as a whole: what lies a round further on comes back to the same list.
        while let node = unsafe rest {
            unsafe rest = node.pointee.next
            unsafe insert(node)
        }
    }

    /// The list that is the next to be dealt with, and when.
    private func nextList() -> (list: Int, tick: Int64)? {
        for level in 0..<Self.levels {
            let lists = unsafe occupied[level]
            if lists == 0 { continue }
            let shift = Int64(6 * level)
            // From the list after the present one: in that there is only what lies a round further on.
            let following = Int((elapsed >> shift) + 1) & 63
            let rotated = lists >> UInt64(following) | lists << UInt64((64 - following) & 63)
            let slot = (rotated.trailingZeroBitCount + following) & 63
            let round = Int64(1) << (shift + 6)
            var tick = (elapsed & ~(round - 1)) + Int64(slot) << shift
            if tick <= elapsed { tick += round }
            return (level * Self.width + slot, tick)
        }
        return nil
    }

    private mutating func insert(_ node: UnsafeMutablePointer<TimerNode>) {
        let tick = unsafe node.pointee.tick
        guard tick > elapsed else { return unsafe link(node, Self.due) }
        let furthest = (Int64(1) << Int64(6 * Self.levels)) - 1
        // The lowest level on which the tick and the present lie in the same round.
        let difference = min((elapsed ^ tick) | 63, furthest)
        let level = (63 - difference.leadingZeroBitCount) / 6
        // On the last level a tick of a later round shares a list with those of this one, and is looked at with them.
        let slot = Int((tick >> Int64(6 * level)) & 63)
        unsafe link(node, level * Self.width + slot)
    }

    private func note(_ list: Int, isOccupied: Bool) {
        // By a local pointer: the compiler cannot translate `occupied[…] |= …` for the thread sanitizer (Swift 6.3.1).
        let lists = unsafe occupied + list / Self.width
        let bit: UInt64 = 1 << UInt64(list % Self.width)
        unsafe lists.pointee = isOccupied ? lists.pointee | bit : lists.pointee & ~bit
    }

    private mutating func link(_ node: UnsafeMutablePointer<TimerNode>, _ list: Int) {
        let first = unsafe heads[list]
        unsafe node.pointee.previous = nil
        unsafe node.pointee.next = first
        unsafe node.pointee.list = Int32(list)
        unsafe first?.pointee.previous = node
        unsafe heads[list] = node
        if list < Self.due { note(list, isOccupied: true) }
    }

    private mutating func unlink(_ node: UnsafeMutablePointer<TimerNode>) {
        let list = unsafe Int(node.pointee.list)
        let (previous, next) = unsafe (node.pointee.previous, node.pointee.next)
        if let previous = unsafe previous {
            unsafe previous.pointee.next = next
        } else {
            unsafe heads[list] = next
            if unsafe next == nil, list < Self.due { note(list, isOccupied: false) }
        }
        unsafe next?.pointee.previous = previous
    }
}
