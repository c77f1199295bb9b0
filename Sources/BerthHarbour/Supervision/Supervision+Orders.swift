internal import BerthSystem

// What operators ask for.
extension Supervision {
    /// Begins a new generation, for all slots or for as many as are asked for.
    mutating func begin(generation name: String, slots count: Int?) {
        let number = (generations.last?.number ?? 0) + 1
        let before = rollout ?? slots.first.map(\.target)
        generations.append(Generation(number: number, name: name))
        former = before
        rollout = number
        let changed = min(slots.count, max(1, count ?? slots.count))
        for slot in 0..<changed { retarget(slot, to: number) }
        actions.append(.report(.rolloutBegan(generation: name, workers: changed)))
    }

    /// Gives more slots to the newest generation, or fewer, without a new one.
    mutating func share(_ count: Int) {
        guard let newest = generations.last?.number, let former else { return }
        rollout = newest
        for slot in slots.indices { retarget(slot, to: slot < count ? newest : former) }
    }

    mutating func finishRollout() {
        guard let newest = generations.last?.number else { return }
        rollout = newest
        for slot in slots.indices { retarget(slot, to: newest) }
    }

    /// The workers of the newest generation leave at once; their neighbours dock at their berths until others are there.
    mutating func goBack(_ now: MonotonicTime) {
        guard let newest = generations.last?.number, let former, former != newest else { return }
        let reason = "back to \(name(of: former))"
        for slot in slots.indices where slots[slot].target == newest { retarget(slot, to: former) }
        rollout = former
        let leaving = workers.filter { $0.value.generation == newest }
        for (id, worker) in leaving.sorted(by: { $0.key < $1.key }) {
            switch worker.state {
            case .starting:
                workers[id]?.state = .leaving
                actions.append(.kill(id))
            case .ready:
                // Unless nobody else is there.
                if workers.contains(where: { $0.value.state == .ready && $0.value.generation != newest }) {
                    leave(id, because: reason, now)
                }
            case .leaving: break
            }
        }
    }

    /// The new generation is not to be; who has it already keeps it.
    mutating func giveUpRollout(_ reason: String) {
        guard let number = rollout else { return }
        for slot in slots.indices where slots[slot].target == number {
            let present = serving(slot).flatMap { workers[$0]?.generation }
            slots[slot].target = present ?? former ?? number
            slots[slot].failures = 0
        }
        rollout = nil
        actions.append(.report(.rolloutFailed(generation: name(of: number), reason: reason)))
    }

    private mutating func retarget(_ slot: Int, to number: Int) {
        slots[slot].target = number
        slots[slot].failures = 0
        slots[slot].retryAt = nil
    }

    mutating func scale(to count: Int, _ now: MonotonicTime) {
        let count = max(1, count)
        let before = slots.count
        guard count != before, !isStopping else { return }
        actions.append(.report(.scaled(from: before, to: count)))
        if count > before {
            let target = slots.last?.target ?? 1
            slots += Array(repeating: Slot(target: target), count: count - before)
            return
        }
        slots.removeLast(before - count)
        // All at once, so that none of them docks where another one has just left.
        let leaving = workers.filter { $0.value.slot >= count && $0.value.state == .ready }.keys.sorted()
        for id in leaving { workers[id]?.state = .leaving }
        for id in leaving { leave(id, because: "fewer workers are wanted", now) }
        dismissStarting(now) { $0.slot >= count }
    }

    /// Those who have started and are not ready leave.
    mutating func dismissStarting(_ now: MonotonicTime, where isMeant: (SupervisedWorker) -> Bool) {
        for (id, worker) in workers.sorted(by: { $0.key < $1.key }) where worker.state == .starting && isMeant(worker) {
            workers[id]?.state = .leaving
            workers[id]?.killAt = now.advanced(by: settings.drain)
            actions.append(.leave(id, patience: .zero, takingQueue: false))
        }
    }

    /// All leave, and nobody comes until there is another order.
    mutating func dismissAll(because reason: String, _ now: MonotonicTime) {
        for id in workers.keys.sorted() where workers[id]?.state == .ready { leave(id, because: reason, now) }
        dismissStarting(now) { _ in true }
    }

    // MARK: Rescue

    mutating func look(at depths: [Int], _ now: MonotonicTime) {
        self.depths = depths
        guard !isPaused, !isStopping else { return }
        let ready = workers.filter { $0.value.state == .ready }
        guard settings.canDock else { return replaceStuck(at: depths, now) }
        for step in rescue.look(at: depths, ready: ready.mapValues { ($0.berths, $0.counts.accepted) }, now) {
            switch step {
            case .ask(let id): actions.append(.ask(id))
            case .nudge(let id):
                if let berths = workers[id]?.berths { actions.append(.dock(id, berths)) }
            case .report(let event): actions.append(.report(event))
            }
        }
    }

    /// Programs do not tell what they accept, and their neighbours cannot dock elsewhere: others take their places, and
    /// whoever was only busy finishes that.
    private mutating func replaceStuck(at depths: [Int], _ now: MonotonicTime) {
        for (berth, since) in queueWatch.look(at: depths, now) {
            let stuck = workers.filter {
                $0.value.slot % settings.berths == berth && $0.value.state == .ready && $0.value.replacement == nil
            }
            if stuck.isEmpty { continue }
            for id in stuck.keys { workers[id]?.replacement = "connections wait and it accepts none" }
            actions.append(.report(.stuck(berth: berth, waiting: depths[berth], for: now.duration(since: since))))
        }
    }

    /// Has those who dock at these berths look whether someone waits there: whom the kernel has woken for it may be gone.
    mutating func lookAgain(at berths: [Int]) {
        for (id, worker) in workers.sorted(by: { $0.key < $1.key })
        where !worker.berths.allSatisfy({ !berths.contains($0) }) {
            actions.append(.dock(id, worker.berths))
        }
    }
}
