internal import BerthSystem

// What becomes of a worker.
extension Supervision {
    mutating func becameReady(_ id: Int, _ now: MonotonicTime) {
        guard let worker = workers[id], worker.state == .starting else { return }
        workers[id]?.lastHeard = now
        // It has its order to leave, and will.
        if isStopping { return }
        hasBeenReady = true
        workers[id]?.state = .ready
        workers[id]?.killAt = nil
        workers[id]?.readyAt = now
        workers[id]?.connectionLimit = settings.connectionsPerWorker.map { settings.jittered($0) }
        workers[id]?.retiresAt = settings.workerAge.map {
            now.advanced(by: .nanoseconds(settings.jittered(Int($0.wholeNanoseconds))))
        }
        if settings.mostProcesses == nil || lastWorker <= settings.workers {
            actions.append(
                .report(
                    .workerReady(
                        id, pid: worker.pid ?? 0, generation: name(of: worker.generation),
                        after: now.duration(since: worker.startedAt))))
        }
        // It docks before those that it replaces leave: the berth has somebody at all times.
        dock()
        for (old, other) in workers.sorted(by: { $0.key < $1.key })
        where old != id && other.slot == worker.slot && other.state == .ready {
            let reason = other.replacement ?? "worker \(id) takes its place"
            leave(old, because: reason, now)
        }
    }

    /// A worker has said something. One that was only slow stays: whoever was to take its place is not needed.
    mutating func heard(_ id: Int, _ now: MonotonicTime) {
        workers[id]?.lastHeard = now
        guard let worker = workers[id], worker.isSilent, worker.state == .ready else { return }
        workers[id]?.isSilent = false
        workers[id]?.replacement = nil
        actions.append(.report(.workerSpeaksAgain(id)))
        dismissStarting(now) { $0.slot == worker.slot && $0.generation == worker.generation }
    }

    /// Finds who says nothing. Only after all that workers have said was heard: it may be the harbour that was slow.
    mutating func findSilent(_ now: MonotonicTime) {
        guard let silence = settings.silence else { return }
        for (id, worker) in workers.sorted(by: { $0.key < $1.key })
        where worker.state == .ready && worker.replacement == nil && worker.lastHeard.advanced(by: silence) <= now {
            workers[id]?.replacement = "it says nothing"
            workers[id]?.isSilent = true
            actions.append(.report(.workerSilent(id, for: now.duration(since: worker.lastHeard))))
        }
    }

    /// Has a worker leave.
    ///
    /// - Parameter order: false when it does so already.
    mutating func leave(_ id: Int, because reason: String, _ now: MonotonicTime, order: Bool = true) {
        workers[id]?.state = .leaving
        workers[id]?.berths = []
        // A worker of one connection leaves when that ends.
        let isBusy = settings.mostProcesses != nil && !order
        workers[id]?.killAt = isBusy ? nil : now.advanced(by: settings.patience).advanced(by: settings.drain)
        if !isBusy { actions.append(.report(.workerLeaving(id, reason: reason))) }
        // Whoever stays docks at its berths first.
        dock()
        if order { actions.append(.leave(id, patience: settings.patience, takingQueue: false)) }
    }

    mutating func ended(_ id: Int, _ how: String, _ isClean: Bool, _ now: MonotonicTime) {
        guard let worker = workers.removeValue(forKey: id) else { return }
        var counts = worker.counts
        // What was open is gone.
        counts.active = 0
        retired.add(counts)
        // It may have been the one that the kernel has woken for a connection.
        if !isStopping { lookAgain(at: worker.berths) }
        if isStopping || worker.state == .leaving {
            if worker.state == .leaving, isClean {
                if settings.mostProcesses != nil, !isStopping { return }
                actions.append(.report(.workerLeft(id, served: counts.accepted)))
            } else {
                actions.append(.report(.workerLost(id, how: how, restart: nil)))
            }
            return
        }
        guard slots.indices.contains(worker.slot) else { return }
        let wasStable =
            worker.readyAt.map { now.duration(since: $0) >= SupervisionSettings.stableAfter } ?? false
        slots[worker.slot].failures = wasStable ? 1 : slots[worker.slot].failures + 1
        if worker.state == .starting, failedToStart(id, worker, how) { return }
        let delay = settings.restartDelay(failures: slots[worker.slot].failures)
        slots[worker.slot].retryAt = now.advanced(by: delay)
        let isReady = worker.state == .ready
        actions.append(
            .report(
                isReady
                    ? .workerLost(id, how: how, restart: delay) : .workerFailed(id, how: how, restart: delay)))
    }

    /// A worker ended before it was ready: its generation may be given up, or everything. True when nobody shall try again.
    private mutating func failedToStart(_ id: Int, _ worker: SupervisedWorker, _ how: String) -> Bool {
        if worker.generation == rollout {
            actions.append(.report(.workerFailed(id, how: how, restart: nil)))
            giveUpRollout("a worker of it \(how) before it was ready")
            return true
        }
        guard !hasBeenReady, slots[worker.slot].failures >= settings.startAttempts else { return false }
        failure =
            "\(settings.startAttempts) workers in a row ended before they were ready; the last one \(how)"
        isStopping = true
        actions.append(.report(.workerFailed(id, how: how, restart: nil)))
        for other in workers.keys.sorted() { actions.append(.kill(other)) }
        return true
    }

    // MARK: The end

    /// How long what is queued may take where each connection needs a worker of its own.
    private static let emptyingTime: Duration = .seconds(5)

    /// Says that the service is not ready any more, and stops later; at once where that was said already, or need not be.
    mutating func beginToStop(_ now: MonotonicTime, patience: Duration = .zero) {
        if lameDuckEnd != nil || settings.lameDuck <= .zero { return stop(now, patience: patience) }
        lameDuckEnd = (now.advanced(by: settings.lameDuck), patience)
        actions.append(.report(.announced(for: settings.lameDuck)))
    }

    mutating func stop(_ now: MonotonicTime, patience: Duration = .zero, takingQueue: Bool = true) {
        if settings.mostProcesses != nil, takingQueue, !isPaused, hasBeenReady {
            // Workers come and go as before until nobody waits.
            if emptying == nil {
                emptying = (patience, now.advanced(by: Self.emptyingTime))
                depths = nil
            }
            return
        }
        end(now, patience: patience, takingQueue: takingQueue)
    }

    mutating func end(_ now: MonotonicTime, patience: Duration, takingQueue: Bool) {
        isStopping = true
        actions.append(.report(.stopping(active: workers.values.reduce(0) { $0 + $1.counts.active })))
        for id in workers.keys.sorted() {
            workers[id]?.state = .leaving
            workers[id]?.killAt = now.advanced(by: patience).advanced(by: settings.drain)
            // Unless someone comes after, what waits in the berths is theirs.
            actions.append(.leave(id, patience: patience, takingQueue: takingQueue))
        }
    }

    mutating func hurry(_ now: MonotonicTime) {
        if !isStopping { end(now, patience: .zero, takingQueue: true) }
        for id in workers.keys.sorted() { actions.append(.hurry(id)) }
    }
}
