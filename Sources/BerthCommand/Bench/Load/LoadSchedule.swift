/// The schedule of an open loop: message `n` is due at a fixed time, whether the service keeps up or not.
struct LoadSchedule {
    /// Nanoseconds between two messages.
    let interval: Double
    private(set) var start: Int64?
    /// The next message that was not handed to a connection.
    private(set) var next = 0

    init(interval: Double) { self.interval = interval }

    mutating func start(at time: Int64?) {
        if start == nil { start = time }
    }

    /// When a message is due. Not summed up, so that no error grows.
    func time(of message: Int) -> Int64 {
        guard let start else { return .max }
        return start + Int64(Double(message) * interval)
    }

    var nextTime: Int64 { time(of: next) }

    mutating func take() -> Int64 {
        defer { next += 1 }
        return nextTime
    }

    /// How many messages are due before `now` and not handed over.
    func backlog(at now: Int64) -> Int {
        guard let start, now > start else { return 0 }
        return max(0, Int(Double(now - start) / interval) + 1 - next)
    }
}

/// The slots that can take a message, in the order in which they became able to: a ring of their numbers.
struct SlotLine: ~Copyable {
    private let ring: UnsafeMutablePointer<UInt32>
    private let capacity: Int
    private var head = 0
    private(set) var count = 0

    /// - Parameter capacity: how many slots there are; none is in the line twice.
    init(capacity: Int) {
        self.capacity = max(1, capacity)
        unsafe ring = .allocate(capacity: self.capacity)
    }

    deinit { unsafe ring.deallocate() }

    var isEmpty: Bool { count == 0 }

    mutating func append(_ slot: UInt32) {
        precondition(count < capacity, "a slot is in the line twice")
        let tail = head + count
        unsafe ring[tail < capacity ? tail : tail - capacity] = slot
        count += 1
    }

    mutating func popFirst() -> UInt32? {
        if count == 0 { return nil }
        let slot = unsafe ring[head]
        head = head + 1 == capacity ? 0 : head + 1
        count -= 1
        return slot
    }
}

extension LoadLoop {
    /// Puts a slot into the line, unless it is there.
    mutating func enqueue(_ slot: UnsafeMutablePointer<LoadSlot>) {
        guard unsafe !slot.pointee.isInLine else { return }
        unsafe slot.pointee.isInLine = true
        unsafe line.append(UInt32(slot - slots))
    }

    /// Hands the messages that are due to the slots in the line. Those that nobody can take stay in the backlog, and
    /// their latency counts from when they were due all the same.
    mutating func sendDue() {
        guard now < end, var due = schedule else { return }
        defer { schedule = due }
        while due.nextTime <= now, let index = line.popFirst() {
            let slot = unsafe slots + Int(index)
            unsafe slot.pointee.isInLine = false
            guard unsafe canTake(slot) else { continue }
            let time = due.take()
            if plan.isChurning {
                unsafe startConnecting(slot, stamp: time)
                continue
            }
            unsafe Self.startWaiting(slot, now)
            unsafe stamp(slot, time)
            unsafe send(slot)
            if unsafe canTake(slot) { unsafe enqueue(slot) }
        }
        if due.nextTime <= now { counts.largestBacklog = max(counts.largestBacklog, due.backlog(at: now)) }
    }

    private func canTake(_ slot: UnsafeMutablePointer<LoadSlot>) -> Bool {
        if plan.isChurning { return unsafe slot.pointee.phase == .empty }
        return unsafe slot.pointee.phase == .open
            && slot.pointee.granted &- slot.pointee.received < UInt64(plan.depth)
    }
}
