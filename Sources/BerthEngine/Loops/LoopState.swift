internal import BerthFraming
internal import BerthSystem
internal import Synchronization

/// What an event loop owns. It lies behind a pointer, like a ``Channel`` and for the same reasons: whatever runs a handler
/// is a method of the loop and takes one field at a time.
struct LoopState: ~Copyable {
    private struct Slot {
        var channel: UnsafeMutablePointer<Channel>?
        /// Counts those that had the slot, so that a late event of one that is gone does not reach the next.
        var generation: UInt32 = 0
    }

    static var wakeUpToken: UInt64 { .max }
    static var listenerToken: UInt64 { .max - 1 }
    /// The size of the buffers that the handlers of a loop share: 64 KiB each way, for the one that runs.
    static var bufferSize: Int { 64 << 10 }

    var owner: Unmanaged<EventLoop>?
    var executor: UnownedTaskExecutor?
    /// Counts the handlers that were run: one that stands still while the loop is busy is blocked.
    let progress = Atomic<UInt64>(0)
    /// Whose handler runs: 0 for none; a channel's token, or what ``LoopCore/runner(of:)`` says of a job.
    let running = Atomic<UInt64>(0)
    let epoll: Epoll
    /// Where the kernel has no ring for us, or none was wanted: `nil`.
    var ring: UnsafeMutablePointer<LoopRing>?
    var spot: ParkingSpot?
    var timers: TimerWheel
    /// When the last wait for events was over, in nanoseconds.
    var now: Int64
    /// How many channels there are, those included whose connection has ended.
    var channelCount = 0
    private var slots: [Slot] = []
    private var free: [UInt32] = []
    /// Jobs that the runtime has handed over on this thread.
    var jobs: [UnownedJob] = []
    /// Tokens of the channels whose handler lets the others have their turn.
    var turns: [UInt64] = []
    /// The channel whose handler parks at this moment.
    var parking: UnsafeMutablePointer<Channel>?
    /// The channel whose handler runs and uses the shared buffers; its input is the shared one if `isInputLent`.
    var attached: UnsafeMutablePointer<Channel>?
    var isInputLent = false
    /// The buffer of the ring that is lent in place of the shared input; -1 for none.
    var lentBuffer = -1
    var input = ByteQueue()
    var output = ByteQueue()
    /// Whether the service ends.
    var isDraining = false
    var onListenerReady: (() -> Void)?
    var onListenerPause: (() -> Void)?
    let listenerTimer: UnsafeMutablePointer<TimerNode>

    private init(epoll: consuming Epoll, now: Int64) {
        self.epoll = epoll
        self.now = now
        timers = TimerWheel(now: now)
        input.reserve(Self.bufferSize)
        output.reserve(Self.bufferSize)
        unsafe listenerTimer = .allocate(capacity: 1)
        unsafe listenerTimer.initialize(to: TimerNode(token: Self.listenerToken))
    }

    deinit {
        unsafe listenerTimer.deallocate()
        unsafe ring?.deinitialize(count: 1)
        unsafe ring?.deallocate()
    }

    /// Ends the ring, which must have nothing in flight any more.
    mutating func endRing() {
        guard let ring = unsafe ring else { return }
        unsafe self.ring = nil
        unsafe ring.deinitialize(count: 1)
        unsafe ring.deallocate()
    }

    static func initialize(_ memory: UnsafeMutablePointer<LoopState>) throws(Errno) {
        let epoll = try Epoll()
        unsafe memory.initialize(to: LoopState(epoll: epoll, now: MonotonicTime.now.nanoseconds))
    }

    /// How long to wait for events, in milliseconds; -1 for as long as it takes.
    var timeout: Int32 {
        guard let moment = timers.nextMoment() else { return -1 }
        let rest = moment - MonotonicTime.now.nanoseconds
        return rest <= 0 ? 0 : Int32(clamping: (rest + 999_999) / 1_000_000)
    }

    /// A token for a new channel.
    mutating func takeSlot() -> UInt64 {
        let index: Int
        if let last = free.popLast() {
            index = Int(last)
        } else {
            index = slots.count
            slots.append(Slot())
        }
        // Four bits of a token are a ring's, and for other things than channels.
        slots[index].generation = (slots[index].generation &+ 1) & 0x0FFF_FFFF
        return UInt64(slots[index].generation) << 32 | UInt64(index)
    }

    mutating func setChannel(_ channel: UnsafeMutablePointer<Channel>, _ token: UInt64) {
        unsafe slots[Int(token & 0xFFFF_FFFF)].channel = channel
    }

    /// The slot is free for another channel.
    mutating func freeSlot(_ token: UInt64) {
        let index = Int(token & 0xFFFF_FFFF)
        guard unsafe slots[index].channel != nil else { return }
        unsafe slots[index].channel = nil
        free.append(UInt32(index))
    }

    /// The channel with this token, unless it is gone.
    func channel(_ token: UInt64) -> UnsafeMutablePointer<Channel>? {
        let index = Int(token & 0xFFFF_FFFF)
        guard index < slots.count, slots[index].generation == UInt32(token >> 32) else { return nil }
        return unsafe slots[index].channel
    }

    /// The tokens of all channels there are.
    var tokens: [UInt64] { slots.compactMap { unsafe $0.channel?.pointee.token } }
}
