internal import BerthFraming
internal import BerthSockets
internal import BerthSystem

/// The loop's side of a connection.
///
/// What is in `core` belongs to the handler, everything else to the loop and its thread. It lies at a fixed place, behind
/// a pointer, so that reaching a field costs no check of exclusive access, which properties of a class would. For the same
/// reason nothing that runs a handler is a method of it: a handler reaches the same memory by its own pointer.
struct Channel: ~Copyable {
    /// What a handler is parked for.
    enum Wait: UInt8 {
        case nothing
        /// Bytes, the peer's FIN, or an error.
        case readable
        /// That everything unsent has been sent.
        case sent
        /// That a connect has succeeded or failed.
        case connected
        /// The others' turn: it was busy for long enough.
        case turn
        /// That the loop's ring does not receive for it any more.
        case ringLeft
    }

    /// What the loop's ring does for it.
    enum RingPart: UInt8 {
        /// Nothing: epoll tells of it.
        case nothing
        /// It will receive once a handler waits for something: not before, as whoever gives its socket away at once has to
        /// give all of it.
        case ready
        /// It receives.
        case receives
        /// It is told to end that, and has not yet.
        case leaves
    }

    /// What of the end of a service ends waits.
    enum DrainHeed: UInt8 {
        case nothing
        /// Only that its time is over, which ends all.
        case force
        /// Also that it ends, which ends those for a new message.
        case all
    }

    /// What ended a wait.
    enum Verdict: UInt8 {
        case ready
        case late
        case interrupted
        case cancelled
    }

    /// The first field: a connection reaches it by the same pointer.
    var core: StreamCore
    /// -1 once the connection is ended or given away.
    var descriptor: Int32
    var wait = Wait.nothing
    var verdict = Verdict.ready
    /// Whether a receive may find something: not after one that came back with less than there was room for, until epoll
    /// tells of more.
    var isReadable = false
    /// Whether the peer's FIN or an error is known to wait behind the bytes, so that receiving has to go on to the end.
    var isEnding = false
    /// Whether epoll tells of it.
    var isWatched = false
    var ringPart = RingPart.nothing
    /// Whether epoll tells of room to send: only once that was lacking.
    var watchesRoom = false
    /// Whether the waits of this connection were cancelled.
    var isCancelled = false
    /// The handler's task, of which a wait that begins asks whether it was cancelled.
    var task: TaskMark?
    /// Whether that ends waits: not those in which the server ends the connection.
    var heedsCancellation = true
    /// What of the end of its service ends waits: nothing without a service, and once the connection is being ended.
    var drainHeed = DrainHeed.nothing
    /// How long waits may take.
    var clock = DeadlineClock()
    /// How many bytes have come in all.
    var received: UInt64 = 0
    /// How many bytes may be unsent when more are written.
    var outputLimit = Int.max
    /// Whether the server cut the connection.
    var wasKilled = false
    /// Whether the peer has made room since the wait for that began.
    var hasSentMore = false
    /// How much was received in this turn without letting the others have theirs.
    var turn: Int32 = 0
    /// The handler's task while it is parked.
    var job: UnownedJob?
    /// What answers the frames, where that is no task. Retained: to be forgotten by ``forgetAnswerer()``. A reference that
    /// is counted would be counted at each wake.
    var answerer: Unmanaged<FrameAnswerer>?
    /// What the kernel had no room for. The handler's own output is empty while there is something here.
    var unsent = ByteQueue()
    /// Why sending `unsent` failed.
    var sendFailure: SocketError?
    /// What the ring has received since the handler looked.
    var arrived = 0
    /// How many bytes have to be in the input for the handler to go on.
    var wanted = 1
    /// Why receiving by the ring has failed, as a negative number.
    var receiveFailure: Int32 = 0
    /// The reply that the ring sends.
    var sending = SendArena.Place()
    /// Before which hand-over of the ring the last request was made.
    var lastRequest: UInt64 = 0
    /// Until when the present wait may last, in nanoseconds; `.max` for as long as it takes.
    var deadline: Int64 = .max
    /// Armed for the deadline of this wait, or of an earlier one.
    var timer: TimerNode
    let token: UInt64
    /// Whose side this is. The connection owns the channel's memory and gives it back in its end.
    var owner: Unmanaged<Connection>?

    init(descriptor: Int32, framing: SharedFraming, token: UInt64) {
        core = StreamCore(framing: framing)
        core.output.isOpen = false
        self.descriptor = descriptor
        self.token = token
        timer = TimerNode(token: token)
    }

    mutating func forgetAnswerer() {
        let answerer = unsafe answerer
        unsafe self.answerer = nil
        unsafe answerer?.release()
    }

    /// Of how much a handler may receive before the others have their turn: 16 buffers.
    static var turnLimit: Int32 { 16 }
}
