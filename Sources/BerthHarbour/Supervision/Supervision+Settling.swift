internal import BerthSockets
internal import BerthSystem

// What is due: whoever is missing is started, who is to go is replaced, who is late is killed, and all dock where they
// should. Run after each event, it does nothing when nothing is due.
extension Supervision {
    mutating func settle(_ now: MonotonicTime) {
        killLate(now)
        if let end = lameDuckEnd, !isStopping, end.time <= now { stop(now, patience: end.patience) }
        if let emptying, !isStopping, emptying.deadline <= now || depths?.allSatisfy({ $0 == 0 }) == true {
            end(now, patience: emptying.patience, takingQueue: true)
        }
        if isStopping {
            if workers.isEmpty, !hasEnded {
                hasEnded = true
                actions.append(.report(.ended(total)))
                actions.append(.end(failure: failure))
            }
            return
        }
        markForReplacement(now)
        fill(now)
        dock()
        endRolloutIfDone()
    }

    private mutating func killLate(_ now: MonotonicTime) {
        for id in workers.keys.sorted() {
            guard let worker = workers[id], let time = worker.killAt, time <= now, !worker.wasKilled else { continue }
            workers[id]?.wasKilled = true
            let reason =
                worker.state == .starting
                ? "it was not ready within \(settings.readyWithin.short)" : "it did not leave in time"
            actions.append(.report(.workerKilled(id, reason: reason)))
            actions.append(.kill(id))
        }
    }

    /// Recycling.
    private mutating func markForReplacement(_ now: MonotonicTime) {
        for (id, worker) in workers where worker.state == .ready && worker.replacement == nil {
            if let time = worker.retiresAt, time <= now { workers[id]?.replacement = "it is old enough" }
            if let limit = worker.connectionLimit, worker.counts.accepted >= limit {
                workers[id]?.replacement = "it has accepted \(worker.counts.accepted) connections"
            }
        }
    }

    private mutating func fill(_ now: MonotonicTime) {
        if isPaused, !settings.canDock { return }
        var successors = workers.values.filter { $0.state == .starting && serving($0.slot) != nil }.count
        for slot in slots.indices {
            if starting(slot) != nil {
                slots[slot].retryAt = nil
                continue
            }
            if let most = settings.mostProcesses, workers.count >= most { return }
            if let time = slots[slot].retryAt {
                if time > now { continue }
                slots[slot].retryAt = nil
            }
            guard let id = serving(slot), let present = workers[id] else {
                start(slot, now)
                continue
            }
            if present.generation != slots[slot].target || present.replacement != nil, successors < settings.surge {
                successors += 1
                start(slot, now)
            }
        }
    }

    /// Whether ``fill(_:)`` may do something.
    var mayStart: Bool {
        if isStopping || (isPaused && !settings.canDock) { return false }
        return settings.mostProcesses.map { workers.count < $0 } ?? true
    }

    private mutating func start(_ slot: Int, _ now: MonotonicTime) {
        lastWorker += 1
        let generation = slots[slot].target
        workers[lastWorker] = SupervisedWorker(
            slot: slot, generation: generation, at: now, killAt: now.advanced(by: settings.readyWithin))
        actions.append(.start(lastWorker, slot: slot, generation: generation))
    }

    /// Tells each worker its berths, where they have changed.
    mutating func dock() {
        let ready = workers.filter { $0.value.state == .ready }
        var assignment = isPaused ? [:] : Docking.assignment(berths: settings.berths, slots: ready.mapValues(\.slot))
        if !isPaused { rescue.addHelpers(to: &assignment) }
        for id in ready.keys.sorted() {
            let berths = assignment[id] ?? []
            guard workers[id]?.berths != berths else { continue }
            workers[id]?.berths = berths
            actions.append(.dock(id, berths))
        }
    }

    private mutating func endRolloutIfDone() {
        guard let number = rollout else { return }
        let isDone = slots.indices.allSatisfy { slot in
            slots[slot].target != number
                || serving(slot).map { workers[$0]?.generation == number } ?? false && starting(slot) == nil
        }
        guard isDone else { return }
        rollout = nil
        actions.append(.report(.rolloutEnded(generation: name(of: number))))
    }
}
