package import BerthSystem

/// Decides what a harbour does: which workers there are, who docks where, who is replaced when. It does nothing itself.
///
/// Events go in, with the time; actions come out. Who owns it does them, and calls again when ``nextWake`` has come.
package struct Supervision: Sendable {
    package enum Event: Sendable {
        /// Nothing but time, and all that workers have said until then was handed over.
        case tick
        case started(Int, pid: Int32)
        case ready(Int)
        /// What a worker has counted, as it says or as its board does: that one shows nothing of whether it is alive.
        case counted(Int, WorkerCounts)
        /// A worker has said that it is alive.
        case heard(Int)
        /// A worker leaves because someone told it to who is not the harbour.
        case leaves(Int)
        /// A worker's process has ended, or could not be started.
        case ended(Int, how: String, isClean: Bool)
        /// Connections wait, and whoever the kernel has woken for them may have left.
        case waiting
        /// How many connections wait at each berth.
        case queues([Int])
        /// A new generation for all slots, or for some of them.
        case rollout(name: String, slots: Int?)
        /// The whole of the newest generation, and nothing else.
        case finish
        /// The generation before, at once.
        case back
        case scale(Int)
        case pause
        case resume
        /// Have another worker take the place of this one.
        case replace(Int)
        /// Another share of the newest generation.
        case share(Int)
        /// End: let the connections go on for a while, then tell them, then leave. This and ``stop`` say first that the
        /// service is not ready any more, and go on for a while; the second time they do not.
        case drain
        /// End, since another harbour has the berths: as ``drain``, and what waits there is the other one's.
        case handOver
        /// End: tell the connections, then leave. Each further time in a hurry.
        case stop
        /// End: cut all connections.
        case stopNow
    }

    package enum Action: Sendable, Equatable {
        case start(Int, slot: Int, generation: Int)
        case dock(Int, [Int])
        /// Accept nothing more, go on with what there is for so long, then tell the connections, then end. With the queue
        /// taken when nobody else will.
        case leave(Int, patience: Duration, takingQueue: Bool)
        case hurry(Int)
        case kill(Int)
        /// Ask a worker for its counts.
        case ask(Int)
        case report(HarbourEvent)
        /// There is nothing left to supervise. With the reason of a failure.
        case end(failure: String?)
    }

    /// A place of a worker.
    struct Slot: Sendable {
        /// The generation it is to have.
        var target: Int
        /// How many workers in a row have ended too soon.
        var failures = 0
        /// When a worker may be started again.
        var retryAt: MonotonicTime?
    }

    package let settings: SupervisionSettings
    package internal(set) var workers: [Int: SupervisedWorker] = [:]
    package internal(set) var generations: [Generation]
    package internal(set) var isPaused = false
    /// What workers that are gone have counted.
    package internal(set) var retired = WorkerCounts()
    var slots: [Slot]
    /// The generation that is taking over, if one is.
    var rollout: Int?
    /// The generation to go back to.
    var former: Int?
    var isStopping = false
    /// When workers are told to leave, and with how much patience, once the service is said not to be ready any more.
    var lameDuckEnd: (time: MonotonicTime, patience: Duration)?
    var hasEnded = false
    var failure: String?
    var hasBeenReady = false
    var lastWorker = 0
    var rescue: BerthRescue
    var queueWatch: QueueWatch
    /// What waited at each berth at the last look; `nil` while there shall be another one first.
    var depths: [Int]?
    /// The end that comes once what is queued has been served.
    var emptying: (patience: Duration, deadline: MonotonicTime)?
    var actions: [Action] = []

    package init(_ settings: SupervisionSettings, generation name: String = "v1") {
        self.settings = settings
        generations = [Generation(number: 1, name: name)]
        slots = Array(repeating: Slot(target: 1), count: settings.workers)
        rescue = BerthRescue(berths: settings.berths, after: settings.rescueAfter)
        queueWatch = QueueWatch(berths: settings.berths, after: settings.rescueAfter)
    }

    /// Takes note of an event, and says what is to be done, in this order.
    package mutating func handle(_ event: Event, at now: MonotonicTime) -> [Action] {
        actions = []
        switch event {
        case .tick: findSilent(now)
        case .started(let id, let pid):
            workers[id]?.pid = pid
            // Of workers that come and go with each connection only the first are told.
            if let worker = workers[id], settings.mostProcesses == nil || id <= settings.workers {
                actions.append(.report(.workerStarted(id, pid: pid, generation: name(of: worker.generation))))
            }
        case .ready(let id): becameReady(id, now)
        case .counted(let id, let counts):
            workers[id]?.counts = counts
        case .heard(let id): heard(id, now)
        case .leaves(let id):
            if workers[id]?.state == .ready { leave(id, because: "it was told to", now, order: false) }
        case .ended(let id, let how, let isClean): ended(id, how, isClean, now)
        case .waiting: lookAgain(at: Array(0..<settings.berths))
        case .queues(let depths): look(at: depths, now)
        case .rollout(let name, let count): begin(generation: name, slots: count)
        case .finish: finishRollout()
        case .back: goBack(now)
        case .scale(let count): scale(to: count, now)
        case .pause where !isPaused:
            isPaused = true
            actions.append(.report(.paused))
            if !settings.canDock { dismissAll(because: "the service is paused", now) }
        case .resume where isPaused:
            isPaused = false
            actions.append(.report(.resumed))
        case .pause, .resume: break
        case .replace(let id):
            if workers[id]?.state == .ready { workers[id]?.replacement = "an operator asked for it" }
        case .share(let count): share(count)
        case .handOver: if !isStopping { stop(now, patience: settings.patience, takingQueue: false) }
        case .drain: if !isStopping { beginToStop(now, patience: settings.patience) }
        case .stop: isStopping || emptying != nil ? hurry(now) : beginToStop(now)
        case .stopNow: hurry(now)
        }
        settle(now)
        return actions
    }

    /// When to call again, at the latest.
    package var nextWake: MonotonicTime? {
        var times = mayStart ? slots.compactMap(\.retryAt) : []
        if let emptying, !isStopping { times.append(emptying.deadline) }
        if let end = lameDuckEnd, !isStopping, emptying == nil { times.append(end.time) }
        for worker in workers.values {
            if let time = worker.killAt, !worker.wasKilled { times.append(time) }
            if worker.state == .ready {
                if let time = worker.retiresAt, worker.replacement == nil { times.append(time) }
                if let silence = settings.silence, worker.replacement == nil {
                    times.append(worker.lastHeard.advanced(by: silence))
                }
            }
        }
        return times.min()
    }

    /// What all workers have counted, those that are gone included.
    package var total: WorkerCounts {
        workers.values.reduce(into: retired) { $0.add($1.counts) }
    }

    /// Whether a new generation is still taking over.
    package var isRollingOut: Bool { rollout != nil }

    /// How many workers there are to be.
    package var wanted: Int { slots.count }

    func name(of generation: Int) -> String {
        generations.first { $0.number == generation }?.name ?? "v\(generation)"
    }

    /// The worker of a slot that serves, the newest.
    func serving(_ slot: Int) -> Int? {
        workers.filter { $0.value.slot == slot && $0.value.state == .ready }.keys.max()
    }

    func starting(_ slot: Int) -> Int? {
        workers.first { $0.value.slot == slot && $0.value.state == .starting }?.key
    }
}
