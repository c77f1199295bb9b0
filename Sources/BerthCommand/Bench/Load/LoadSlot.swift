/// One of the connections of a loop: what is replaced when it fails, and used again when it churns.
struct LoadSlot {
    enum Phase: UInt8 {
        /// Without a connection.
        case empty
        case connecting
        case open
    }

    var phase = Phase.empty
    var descriptor: Int32 = -1
    /// The number in the tags of its messages.
    let connection: UInt32
    /// Which connection of the slot this is: late events of an earlier one carry another number.
    var generation: UInt32 = 0
    /// Whether it is in the line of those that can take a message of the schedule.
    var isInLine = false
    /// Connections in a row that failed before their first reply.
    var failures = 0
    /// When an empty slot may be connected again.
    var retryAt: Int64 = 0
    /// When something came last, or was sent after a silence in which nothing was asked.
    var progressAt: Int64 = 0

    /// Messages that are to be sent, that were sent, and whose reply has come: `received <= sent <= granted`.
    var granted: UInt64 = 0
    var sent: UInt64 = 0
    var received: UInt64 = 0
    /// The bytes that were sent of message `sent`, and that came of the reply `received`.
    var sentPart = 0
    var receivedPart = 0
    /// When each message was handed over, or should have been: a ring.
    let stamps: UnsafeMutablePointer<Int64>

    init(connection: UInt32, stamps: UnsafeMutablePointer<Int64>) {
        self.connection = connection
        unsafe self.stamps = stamps
    }

    /// Whether a reply is waited for.
    var isAsking: Bool { received < granted }

    /// A new connection begins. The numbers of messages go on, so that a late reply to an earlier one is seen.
    mutating func begin() {
        generation &+= 1
        sent = granted
        received = granted
        sentPart = 0
        receivedPart = 0
    }
}
