internal import BerthEngine
internal import BerthHarbour
internal import BerthSockets
internal import BerthSystem

/// What an engine does for the end of its service.
struct DrainHooks {
    /// Returns once nothing is accepted any more and the listener is closed. What the kernel had accepted before is to be
    /// taken, until the deadline.
    var endAccepts: (Deadline) -> Void
    /// Has waits end that ``ServerSignals/force()`` does not reach.
    var force: () -> Void = {}
    /// What the handlers do that do not say so themselves. Bounded, whatever they do.
    var handlers: () -> [ConnectionID: HandlerReport] = { [:] }
    /// Is called when all is over, before that is reported.
    var beforeLast: () -> Void = {}
}

/// What a handler does, and what lies in the buffers of its connection.
struct HandlerReport: Sendable {
    var activity: CutConnection.Activity
    var unread = 0
    var unsent = 0

    init(_ activity: CutConnection.Activity) { self.activity = activity }

    init(_ state: HandlerState) {
        activity =
            switch state.wait {
            case .nothing: .ownWork
            case .reading: .reading
            case .writing: .writing
            }
        unread = state.unread
        unsent = state.unsent
    }
}

// The end of a service: ``DrainPlan`` says when what is due, and this does it.
extension ServiceCore {
    /// Ends the service: nothing new is accepted, what is connected is told and waited for, and cut in the end. Blocks the
    /// calling thread.
    ///
    /// - Parameter lameDuck: how long it goes on accepting before.
    func stop(lameDuck: Duration, _ hooks: DrainHooks) -> StopReport {
        let begin = MonotonicTime.now
        var plan = DrainPlan(settings(lameDuck), at: begin)
        var round = DrainRound()
        var event = DrainPlan.Event.tick
        while true {
            if event == .hurry, plan.isAnnouncing { table.hearHurries() }
            for action in plan.handle(event, active: table.statistics.active, at: .now) {
                perform(action, &round, hooks)
            }
            if round.isOver { break }
            let next = Deadline(time: plan.next)
            let isHurried = table.waitForDrain(&round.hurries, untilEmpty: !plan.isAnnouncing, until: next)
            event = isHurried ? .hurry : .tick
        }
        let report = StopReport(
            active: round.active, cut: round.cut(stillThere: table.present),
            duration: MonotonicTime.now.duration(since: begin))
        hooks.beforeLast()
        self.report(.stopped(report))
        return report
    }

    private func settings(_ lameDuck: Duration) -> DrainPlan.Settings {
        let limits = configuration.limits
        return DrainPlan.Settings(
            lameDuck: lameDuck, drain: limits.drain, force: limits.force, linger: limits.linger.time)
    }

    private func perform(_ action: DrainPlan.Action, _ round: inout DrainRound, _ hooks: DrainHooks) {
        switch action {
        case .announce(let time): report(.draining(.announced(for: time)))
        case .tell(let window, let deadline):
            round.active = table.statistics.active
            report(.draining(.telling(active: round.active, within: window)))
            signals.drain(within: window, until: deadline)
            // It looks at listeners, which are closed now.
            watcher.withLock { $0 }?.stop()
            callListeners()
            hooks.endAccepts(Deadline(time: deadline))
            waitingRoom.close(until: Deadline(time: deadline), core: self)
        case .halfClose:
            let overdue = table.markOverdue()
            if !overdue.isEmpty { report(.draining(.halfClosing(active: overdue.count))) }
            round.add(overdue, hooks.handlers())
            signals.force()
            hooks.force()
            table.cancelAll()
        case .reset:
            let (late, count) = table.resetAll()
            round.add(late, [:])
            if count > 0 { report(.draining(.resetting(active: count))) }
        case .end: round.isOver = true
        }
    }

    /// Calls the handlers' bodies that are to be called when their connection is told, on a thread of their own: they may take
    /// as long as they like.
    private func callListeners() {
        do throws(Errno) {
            try Thread.start(name: "berth-tell") { [signals] in
                repeat {
                    let next = signals.callListeners() ?? signals.allTold
                    var entries = [PollEntry(signals.forceDescriptor, .readable)]
                    // Others may come to want to be called meanwhile.
                    _ = try? Kernel.poll(&entries, until: Deadline(time: next).earlier(of: .after(Self.glance)))
                } while !signals.isForced && MonotonicTime.now < signals.allTold
                _ = signals.callListeners()
            }
        } catch {
            // No thread is to be had: better all at once than not at all.
            _ = signals.callListeners()
        }
    }

    private static let glance: Duration = .milliseconds(20)
}

/// What a drain has come to so far.
private struct DrainRound {
    var active = 0
    var hurries = 0
    var isOver = false
    private var overdue: [(entry: Admitted, cut: CutConnection)] = []

    mutating func add(_ found: [OverdueConnection], _ handlers: [ConnectionID: HandlerReport]) {
        for connection in found {
            var cut = connection.cut
            if let handler = handlers[connection.entry.id], cut.activity != .ended {
                cut.activity = handler.activity
                cut.unread += handler.unread
                cut.unsent += handler.unsent
            }
            overdue.append((connection.entry, cut))
        }
    }

    /// The connections that had to be cut, and how each ended.
    ///
    /// - Parameter present: those whose handlers go on, also where they have ended their connection themselves.
    func cut(stillThere present: [OverdueConnection]) -> [CutConnection] {
        let known = Set(overdue.map(\.entry.id))
        let goOn = Set(present.map(\.entry.id))
        let late = present.filter { !known.contains($0.entry.id) }.map { ($0.entry, $0.cut) }
        return (overdue + late).map { entry, cut in
            var cut = cut
            cut.end = goOn.contains(entry.id) ? .handlerGoesOn : entry.wasKilled ? .reset : .finished
            return cut
        }
    }
}
