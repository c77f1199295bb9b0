internal import BerthSockets
internal import BerthSystem

// What operators ask by the control socket.
extension Harbour {
    func serveVisitor(_ number: Int) {
        guard let door, let visitor = door.visitors[number] else { return }
        for line in door.lines(of: number) {
            do throws(ControlRequest.Mistake) { serve(try ControlRequest(line: line), visitor) } catch {
                visitor.answer(ControlReply.failure(error.description))
            }
        }
    }

    private func serve(_ request: ControlRequest, _ visitor: ControlDoor.Visitor) {
        if supervision.isStopping, !isAllowedAtTheEnd(request) {
            return visitor.answer(ControlReply.failure("the service is ending"))
        }
        if supervision.isPaused, !supervision.settings.canDock, isAboutVersions(request) {
            return visitor.answer(
                ControlReply.failure("the service is paused, and has no programs until it is resumed"))
        }
        switch request {
        case .status: return askForCounts(visitor)
        case .reload:
            if refuseSecondRollout(visitor) { return }
            waiting.append(visitor)
            return reload()
        case .rollout(let program, let name, let share):
            if refuseSecondRollout(visitor) { return }
            waiting.append(visitor)
            var next = configuration.program
            next.path = program[0]
            // A program that Berth runs brings arguments of its own, an interpreter's script for example.
            next.arguments =
                program.count > 1 || !next.hasLink ? program : [program[0]] + next.arguments.dropFirst()
            return begin(next, name: name, slots: share.map(workers(forShare:)))
        case .share(let percent):
            if refuseWithoutRollout(visitor) { return }
            rolloutFailure = nil
            waiting.append(visitor)
            return handle(.share(workers(forShare: percent)))
        case .finish:
            if refuseWithoutRollout(visitor) { return }
            rolloutFailure = nil
            waiting.append(visitor)
            return handle(.finish)
        case .back:
            if refuseWithoutRollout(visitor) { return }
            rolloutFailure = nil
            waiting.append(visitor)
            return handle(.back)
        case .scale(let count):
            if let problem = tooFew(count) { return visitor.answer(ControlReply.failure(problem)) }
            handle(.scale(count))
        case .drain(let worker?):
            guard supervision.workers[worker] != nil else {
                return visitor.answer(ControlReply.failure("there is no worker \(worker)"))
            }
            handle(.replace(worker))
        case .drain(nil): handle(.drain)
        case .stop(let now): handle(now ? .stopNow : .stop)
        case .pause: handle(.pause)
        case .resume: handle(.resume)
        case .limit(let change): return visitor.answer(self.change(change))
        }
        visitor.answer(ControlReply.success())
    }

    /// Has the workers tell their counts, and answers when they have had time to.
    private func askForCounts(_ visitor: ControlDoor.Visitor) {
        for process in processes.values { process.link?.send(.ask) }
        curious.append((visitor, .now.advanced(by: Self.countingTime)))
    }

    /// A worker that does not answer in that time is shown with what it said last.
    private static let countingTime: Duration = .milliseconds(20)

    /// Answers those who have waited long enough for a status; all of them without a time.
    func answerCurious(at now: MonotonicTime? = nil) {
        let due = curious.filter { visitor in now.map { visitor.due <= $0 } ?? true }
        if due.isEmpty { return }
        curious.removeAll { visitor in now.map { visitor.due <= $0 } ?? true }
        lookAtBoard()
        let answer = ControlReply.success(status)
        for (visitor, _) in due { visitor.answer(answer) }
    }

    private func isAllowedAtTheEnd(_ request: ControlRequest) -> Bool {
        switch request {
        case .status, .stop, .drain(worker: nil): true
        default: false
        }
    }

    private func isAboutVersions(_ request: ControlRequest) -> Bool {
        switch request {
        case .reload, .rollout, .share, .finish, .back: true
        default: false
        }
    }

    /// Why there cannot be so few workers; `nil` when there can.
    func tooFew(_ count: Int) -> String? {
        if supervision.settings.canDock || count >= berths.count { return nil }
        return "a program has one berth under reuse-port, and there are \(berths.count)"
    }

    private func refuseSecondRollout(_ visitor: ControlDoor.Visitor) -> Bool {
        guard supervision.isRollingOut else { return false }
        visitor.answer(ControlReply.failure("another roll-out is under way"))
        return true
    }

    private func refuseWithoutRollout(_ visitor: ControlDoor.Visitor) -> Bool {
        if supervision.former != nil { return false }
        visitor.answer(ControlReply.failure("there is only one version, \(supervision.generations[0].name)"))
        return true
    }

    /// How many workers a share is: at least one.
    private func workers(forShare percent: Int) -> Int {
        max(1, (supervision.wanted * percent + 50) / 100)
    }

    // MARK: Status

    private var state: String {
        if supervision.isStopping { return "stopping" }
        if supervision.isPaused { return "paused" }
        return supervision.isRollingOut ? "rolling out" : "running"
    }

    /// What `berth status` shows.
    var status: [JSONValue.Member] {
        let now = MonotonicTime.now
        let workers = supervision.workers.sorted { $0.key < $1.key }.map { id, worker -> JSONValue in
            .fields([
                "worker": .number(id), "pid": .number(Int(worker.pid ?? 0)), "slot": .number(worker.slot),
                "generation": .string(supervision.name(of: worker.generation)),
                "state": .string("\(worker.state)"),
                "age_seconds": .number(Int(now.duration(since: worker.startedAt).components.seconds)),
                "berths": .array(worker.berths.map { .number($0) }), "counts": Self.json(worker.counts),
            ])
        }
        let queues = zip(berths.queues, berths.addresses).enumerated().map { number, berth -> JSONValue in
            .fields([
                "berth": .number(number), "address": .string(berth.1.description),
                "waiting": .number(berth.0.waiting), "limit": .number(berth.0.limit),
            ])
        }
        let generations = supervision.generations.compactMap { generation -> JSONValue? in
            let members = supervision.workers.values.filter { $0.generation == generation.number }
            guard !members.isEmpty else { return nil }
            let counts = members.reduce(into: WorkerCounts()) { $0.add($1.counts) }
            return .fields([
                "generation": .string(generation.name), "workers": .number(members.count), "counts": Self.json(counts),
            ])
        }
        let fields: KeyValuePairs<String, JSONValue> = [
            "address": .string(berths.address.description), "pid": .number(Int(Kernel.processID)),
            "layout": .string(
                configuration.layoutName ?? (configuration.layout == .each ? "reuse-port" : "process-pool")),
            "state": .string(state), "wanted": .number(supervision.wanted),
            "age_seconds": .number(Int(now.duration(since: begin).components.seconds)),
            "generations": .array(generations), "workers": .array(workers), "berths": .array(queues),
            "counts": Self.json(supervision.total),
            "maximum": configuration.board?[.maximum].map { .number($0) } ?? .null,
        ]
        return fields.map { JSONValue.Member(name: $0.key, value: $0.value) }
    }

    private static func json(_ counts: WorkerCounts) -> JSONValue {
        let outcomes = counts.outcomes.sorted { $0.key < $1.key }
        return .fields([
            "accepted": .number(counts.accepted), "active": .number(counts.active),
            "refused": .number(counts.refused),
            "refusals": .object(
                counts.refusals.sorted { $0.key < $1.key }.map {
                    JSONValue.Member(name: $0.key, value: .number($0.value))
                }),
            "outcomes": .object(outcomes.map { JSONValue.Member(name: $0.key, value: .number($0.value)) }),
            "bytes": .fields([
                "received": .number(counts.bytes.received), "sent": .number(counts.bytes.sent),
                "discarded": .number(counts.bytes.discarded), "unacknowledged": .number(counts.bytes.unacknowledged),
                "unsent": .number(counts.bytes.unsent),
            ]),
        ])
    }

    /// The same for the log.
    var stateLines: [String] { StatusTable.lines(.object(status)) }
}
