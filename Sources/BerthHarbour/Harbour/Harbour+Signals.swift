internal import BerthSystem

// Signals as operators know them, and what service managers are told.
extension Harbour {
    func react(to signal: Signal) {
        switch signal {
        case .interrupt, .terminate: handle(.stop)
        case .quit: handle(.stopNow)
        case .hangUp: reload()
        case .terminalInput: handle(.scale(supervision.wanted + 1))
        case .terminalOutput:
            if let problem = tooFew(supervision.wanted - 1) { return configuration.observe(.note(problem)) }
            handle(.scale(supervision.wanted - 1))
        case .user2: beginUpgrade()
        case .user1: for line in stateLines { configuration.observe(.note(line)) }
        default: break
        }
    }

    /// Begins another generation of the newest program, as it lies on disk now.
    func reload() {
        guard let newest = supervision.generations.last, let program = programs[newest.number] else { return }
        begin(program, name: nil, slots: nil)
    }

    /// Begins a generation.
    func begin(_ program: WorkerProgram, name: String?, slots: Int?) {
        let number = (supervision.generations.last?.number ?? 0) + 1
        programs[number] = program
        rolloutFailure = nil
        notifier.tell(.reloading(.now))
        handle(.rollout(name: name ?? "v\(number)", slots: slots))
    }

    /// Tells the observer, and the service manager what it wants to know.
    func report(_ event: HarbourEvent) {
        configuration.observe(event)
        switch event {
        case .workerReady:
            let count = supervision.workers.values.count { $0.state == .ready }
            if count >= supervision.wanted, !supervision.isRollingOut {
                if !wasReady {
                    if let predecessor {
                        predecessor.send(.ready)
                        door?.open()
                    } else {
                        configuration.becameReady()
                    }
                }
                wasReady = true
                notifier.tell(.ready, .status("\(count) workers at \(berths.address)"))
            }
        case .rolloutEnded: notifier.tell(.ready)
        case .rolloutFailed(_, let reason):
            rolloutFailure = event.description
            notifier.tell(.ready, .status(reason))
        case .announced, .stopping:
            notifier.tell(.stopping)
            // Whoever takes over is as ready as this one was.
            if !hasSuccessor { configuration.withdraw() }
        default: break
        }
    }

    /// Answers those who wait for the end of a roll-out, when it is there.
    func answerWaiting() {
        guard !waiting.isEmpty, !supervision.isRollingOut else { return }
        let reply = rolloutFailure.map { ControlReply.failure($0) } ?? ControlReply.success()
        for visitor in waiting { visitor.answer(reply) }
        waiting = []
    }
}
