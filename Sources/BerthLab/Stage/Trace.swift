/// What happened on a stage, in order: calls, packets, states and comparisons.
package struct Trace: Sendable {
    /// Where something is told: clients on the left, servers on the right.
    package enum Side: Sendable, Hashable {
        case client, server

        var other: Side { self == .client ? .server : .client }
    }

    package enum Event: Sendable, Hashable {
        /// A system call and what came of it.
        case call(Side, String)
        /// A segment on its way, with the name of its connection where there is more than one. It is incidental when
        /// timers decide whether and how often it is sent: a bare acknowledgement, data or a FIN once more.
        case packet(from: Side, label: String, isIncidental: Bool)
        /// A socket's new state and what is in its queues.
        case state(Side, String)
        /// Something else that people should know at this point.
        case note(String)
        case check(Check)
    }

    package struct Entry: Sendable, Hashable {
        /// Nanoseconds since the first entry.
        package var time: Int64
        package var event: Event

        package init(time: Int64, event: Event) {
            self.time = time
            self.event = event
        }
    }

    package var entries: [Entry] = []
    /// What the two sides are called in the head of a diagram.
    package var titles: [Side: String] = [.client: "client", .server: "server"]
    /// Counters of the namespace that moved, by name.
    package var counters: [(name: String, moved: Int)] = []
    /// Packets that were not kept, because there were too many.
    package var omittedPackets = 0

    package init() {}
}
