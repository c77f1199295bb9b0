internal import BerthSockets
internal import BerthSystem

/// One thread of load: its connections, and an epoll loop that sends, receives and checks.
///
/// Not built on `Connection`: a generator that costs more than the service measures itself. Everything that a message
/// touches is in this struct and behind its pointers, without references to count and without exclusivity to check.
struct LoadLoop: ~Copyable {
    let plan: LoadPlan
    let layout: MessageLayout
    let control: LoadControl
    let collector: LoadCollector
    let epoll: Epoll
    let address: RawSocketAddress
    let source: LoopbackSources?

    // Invariant of all pointers: allocated in `init` for as long as this value lives, and used by its thread alone.
    let slots: UnsafeMutablePointer<LoadSlot>
    let slotCount: Int
    let stamps: UnsafeMutablePointer<Int64>
    /// The stamps of a connection less one: their number is a power of two.
    let stampMask: UInt64
    let output: UnsafeMutableRawPointer
    let input: UnsafeMutableRawPointer

    /// Room for what one call sends or receives.
    static let bufferSize = 256 << 10
    /// How many connections may be under way at once: less than the accept queue of a usual service.
    static let mostConnecting = 256
    /// How often silent and failed connections are looked at.
    static let tick: Int64 = 50_000_000

    var now: Int64
    var nextTick: Int64
    /// When the second that is counted ends, or the first one begins.
    var boundary: Int64 = .max
    var begin: Int64 = .max
    var end: Int64 = .max
    var interval = -1
    var hasEnded = false
    var processorTime: Int64 = 0

    var buckets: LatencyBuckets
    var counts = LoadCounts()
    var failures = FailureTally()
    /// What was counted when the current second began.
    var repliesBefore = 0
    var failuresBefore = 0

    var connecting = 0
    /// The slots up to here were tried.
    var opened = 0
    var hasReportedOpen = false
    var schedule: LoadSchedule?
    var line: SlotLine

    init(_ plan: LoadPlan, thread: Int, template: MessageTemplate, control: LoadControl, collector: LoadCollector)
        throws(Errno)
    {
        // What can throw comes first: a value that is not copied is initialised as a whole or not at all.
        let address = try plan.address.raw
        epoll = try Epoll()
        self.address = address
        self.plan = plan
        self.control = control
        self.collector = collector
        buckets = LatencyBuckets()
        layout = template.layout
        source = LoopbackSources(plan)
        let share = plan.share(ofThread: thread)
        slotCount = share.count
        var ring = 1
        while ring < plan.depth { ring *= 2 }
        stampMask = UInt64(ring - 1)
        unsafe stamps = .allocate(capacity: ring * share.count)
        unsafe stamps.initialize(repeating: 0, count: ring * share.count)
        unsafe slots = .allocate(capacity: share.count)
        for index in 0..<share.count {
            unsafe (slots + index).initialize(
                to: LoadSlot(connection: UInt32(share.first + index), stamps: stamps + index * ring))
        }
        unsafe output = .allocate(byteCount: Self.bufferSize, alignment: 64)
        unsafe input = .allocate(byteCount: Self.bufferSize, alignment: 64)
        schedule = plan.interval(ofThread: thread).map { LoadSchedule(interval: $0) }
        line = SlotLine(capacity: share.count)
        now = MonotonicTime.now.nanoseconds
        nextTick = now + Self.tick
    }

    deinit {
        for index in 0..<slotCount {
            let descriptor = unsafe slots[index].descriptor
            if descriptor >= 0 { try? Kernel.close(descriptor) }
        }
        unsafe slots.deallocate()
        unsafe stamps.deallocate()
        unsafe output.deallocate()
        unsafe input.deallocate()
    }

    /// Runs until the end of the run, and until all replies are there or the stall limit has passed.
    mutating func run() throws(Errno) {
        // Half of the usual slack of 50 µs would be added to each latency of a schedule.
        if schedule != nil { try? Kernel.setTimerSlack(nanoseconds: 1) }
        let events = EpollEventList(capacity: 512)
        openMore()
        while !isOver {
            let found = try wait(events)
            // Where events are found, each that receives looks at the clock itself.
            if found == 0 || schedule != nil { now = MonotonicTime.now.nanoseconds }
            for index in 0..<found {
                let (event, token) = (EpollEvents(rawValue: events.events(index)), events.token(index))
                let slot = unsafe slots + Int(token & 0xffff_ffff)
                guard unsafe slot.pointee.generation == UInt32(token >> 32) else { continue }
                unsafe handle(event, slot)
            }
            if now >= boundary { advance() }
            if schedule != nil { sendDue() }
            if opened < slotCount, connecting < Self.mostConnecting / 2 { openMore() }
            if now >= nextTick { look() }
        }
        finish()
    }

    private func wait(_ events: borrowing EpollEventList) throws(Errno) -> Int {
        guard now < end, let schedule, !line.isEmpty else { return try epoll.wait(into: events, timeout: 50) }
        let next = min(schedule.nextTime, nextTick)
        return try epoll.wait(into: events, nanoseconds: next - MonotonicTime.now.nanoseconds)
    }

    private var isOver: Bool {
        if now < end { return false }
        if control.isCut { return true }
        if now - end > plan.stallLimit.wholeNanoseconds { return true }
        for index in 0..<slotCount where unsafe slots[index].phase != .empty && slots[index].isAsking { return false }
        return true
    }

    private mutating func handle(_ event: EpollEvents, _ slot: UnsafeMutablePointer<LoadSlot>) {
        if unsafe slot.pointee.phase == .connecting {
            guard unsafe isMade(slot, event) else { return }
        }
        // An error or a hang-up is told by the receive.
        if event.rawValue & ~EpollEvents.writable.rawValue != 0 {
            guard unsafe receive(slot, toTheEnd: event.contains(.peerFinished)) else { return }
        }
        if schedule == nil, now < end { unsafe grant(slot) }
        unsafe send(slot)
    }

    /// Lets a slot send as many messages as its depth allows.
    @inline(__always)
    mutating func grant(_ slot: UnsafeMutablePointer<LoadSlot>) {
        unsafe Self.startWaiting(slot, now)
        while unsafe slot.pointee.granted &- slot.pointee.received < UInt64(plan.depth) {
            unsafe stamp(slot, now)
        }
    }

    /// Lets a slot send one message more, whose latency counts from `time`.
    @inline(__always)
    func stamp(_ slot: UnsafeMutablePointer<LoadSlot>, _ time: Int64) {
        unsafe slot.pointee.stamps[Int(truncatingIfNeeded: slot.pointee.granted & stampMask)] = time
        unsafe slot.pointee.granted &+= 1
    }

    /// The stall limit counts from the first question after a silence.
    @inline(__always)
    static func startWaiting(_ slot: UnsafeMutablePointer<LoadSlot>, _ now: Int64) {
        if unsafe slot.pointee.granted == slot.pointee.received { unsafe slot.pointee.progressAt = now }
    }

    /// Every 50 ms: what the run was told meanwhile, connections that stall, and those to be replaced.
    private mutating func look() {
        nextTick = now + Self.tick
        begin = control.begin
        end = begin == .max ? .max : control.end
        if interval < 0 { boundary = begin } else if !hasEnded { boundary = min(boundary, end) }
        // The schedule begins as soon as the times are known, so that the service is warm when measuring begins.
        schedule?.start(at: begin == .max ? nil : now)
        let limit = plan.stallLimit.wholeNanoseconds
        for index in 0..<slotCount {
            let slot = unsafe slots + index
            switch unsafe slot.pointee.phase {
            case .empty: break
            case .connecting where unsafe now - slot.pointee.progressAt > limit:
                unsafe fail(slot, .connectTimedOut, "no connection within \(plan.stallLimit.short)")
            case .open where unsafe slot.pointee.isAsking && now - slot.pointee.progressAt > limit:
                unsafe fail(slot, .noReply, "nothing came for \(plan.stallLimit.short)")
            case .connecting, .open: break
            }
        }
        openMore()
        if now >= boundary { advance() }
    }
}
