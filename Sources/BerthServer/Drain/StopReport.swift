public import BerthHarbour

/// How the end of a service went.
public struct StopReport: Sendable, Hashable {
    /// Connections that were open when they were told of the end.
    public var active: Int
    /// Connections that had to be cut because they did not end in time: of these, and of those that waited in the accept
    /// queue. They have the outcome ``Outcome/killed``, but for those whose handler goes on, which have none.
    public var cut: [CutConnection]
    /// Worker processes that had to be killed, whatever they were doing.
    public var killedWorkers: Int
    /// How long it took.
    public var duration: Duration

    package init(active: Int = 0, cut: [CutConnection] = [], killedWorkers: Int = 0, duration: Duration = .zero) {
        self.active = active
        self.cut = cut
        self.killedWorkers = killedWorkers
        self.duration = duration
    }

    /// How many connections had to be cut.
    public var killed: Int { cut.count }

    /// Those whose handler did not even end then. Their threads go on until the process ends.
    public var stuck: [CutConnection] { cut.filter { $0.end == .handlerGoesOn } }

    /// Whether every connection ended by itself.
    public var isClean: Bool { cut.isEmpty && killedWorkers == 0 }
}
