package import BerthSockets
internal import BerthSystem

/// The supervising process at work: one thread that waits for signals, workers and operators, asks ``Supervision`` what to
/// do, and does it.
package final class Harbour {
    let configuration: HarbourConfiguration
    let berths: Berths
    var supervision: Supervision
    /// What each generation is started as.
    var programs: [Int: WorkerProgram]
    var processes: [Int: WorkerProcess] = [:]
    var door: ControlDoor?
    /// Visitors who wait for the end of a roll-out.
    var waiting: [ControlDoor.Visitor] = []
    /// Visitors who have asked for the status, and when they get it.
    var curious: [(visitor: ControlDoor.Visitor, due: MonotonicTime)] = []
    /// Why the last roll-out failed, until it is told.
    var rolloutFailure: String?
    /// A new harbour that is to take over.
    var upgrade: Upgrade?
    /// Whether one has.
    var hasSuccessor = false
    /// The old harbour, until it has let go.
    var predecessor: Link?
    /// Whether all workers were ready once.
    var wasReady = false
    let notifier: ServiceNotifier
    let begin = MonotonicTime.now
    private let trap: SignalTrap
    private let isInit = Kernel.processID == 1
    /// Events that came up while others were handled.
    private var pending: [Supervision.Event] = []
    private var end: HarbourReport?
    private var killed = 0
    /// What workers had to cut since the service ends.
    private var cut: [CutConnection] = []
    private var nextLook: MonotonicTime?
    private var nextWatchdog: MonotonicTime?

    /// - Throws: what is wrong with the control socket, or `.tooManyOpenFiles` and the like.
    package init(_ configuration: HarbourConfiguration, berths: Berths) throws(SocketError) {
        self.configuration = configuration
        self.berths = berths
        supervision = Supervision(configuration.settings, generation: configuration.generation)
        programs = [1: configuration.program]
        notifier = .current
        do throws(Errno) {
            trap = try SignalTrap(
                [.interrupt, .terminate, .hangUp, .quit, .user1, .user2, .terminalInput, .terminalOutput]
                    + (Kernel.processID == 1 ? [.child] : []))
        } catch { throw SocketError(.open, address: "signals", errno: error) }
        predecessor = Upgrade.predecessor()
        // That of the old one comes with the berths.
        if predecessor == nil { try openDoor() } else { door = Upgrade.door() }
        configuration.observe(
            .opened(workers: supervision.wanted, berths: berths.count, control: door?.path))
    }

    /// Where the service listens.
    package var address: SocketAddress { berths.address }

    /// Supervises until a signal, an operator or `wish` ends it.
    ///
    /// - Parameter wish: a descriptor that becomes readable when the service shall end.
    package func run(until wish: Int32) -> HarbourReport {
        nextLook = .now
        nextWatchdog = notifier.watchdogInterval.map { _ in .now }
        handle(.tick)
        var isWished = false
        while end == nil {
            var (entries, sources) = descriptors(wish: isWished ? nil : wish)
            _ = try? Kernel.poll(&entries, until: Deadline(time: nextMoment))
            for (entry, source) in zip(entries, sources) where !entry.found.isEmpty {
                switch source {
                case .signals: while let signal = trap.next() { react(to: signal) }
                case .wish:
                    isWished = true
                    handle(.stop)
                case .door: door?.admit()
                case .visitor(let number): serveVisitor(number)
                case .link(let id): listen(to: id)
                case .voice(let id): hear(id)
                case .process(let id): collect(id)
                case .successor: listenToSuccessor()
                case .successorProcess: checkSuccessor()
                case .predecessor: listenToPredecessor()
                }
            }
            passTime()
        }
        notifier.tell(.stopping)
        return end ?? HarbourReport(counts: supervision.total, failure: nil, killed: killed, cut: cut)
    }

    // MARK: Waiting

    private enum Source {
        case signals, wish, door, successor, successorProcess, predecessor
        case visitor(Int)
        case link(Int)
        case voice(Int)
        case process(Int)
    }

    private func descriptors(wish: Int32?) -> ([PollEntry], [Source]) {
        var entries = [PollEntry(trap.descriptor, .readable)]
        var sources = [Source.signals]
        func add(_ descriptor: Int32, _ source: Source) {
            entries.append(PollEntry(descriptor, .readable))
            sources.append(source)
        }
        if let wish { add(wish, .wish) }
        if let door {
            if door.isOpen { add(door.descriptor, .door) }
            for (number, visitor) in door.visitors { add(visitor.socket.rawValue, .visitor(number)) }
        }
        if let upgrade {
            add(upgrade.link.descriptor, .successor)
            add(upgrade.process.rawValue, .successorProcess)
        }
        if let predecessor { add(predecessor.descriptor, .predecessor) }
        // What a worker says comes before its end: it may be its last counts.
        for (id, process) in processes {
            if let link = process.link, !process.linkHasEnded { add(link.descriptor, .link(id)) }
            if let descriptor = process.voice?.descriptor { add(descriptor, .voice(id)) }
        }
        for (id, process) in processes { add(process.process.rawValue, .process(id)) }
        return (entries, sources)
    }

    private static let glance: Duration = .milliseconds(100)

    private var nextMoment: MonotonicTime? {
        let ready = processes.values.compactMap(\.readyAt) + curious.map(\.due)
        return ([supervision.nextWake, nextLook, nextWatchdog, upgrade?.deadline] + ready).compactMap { $0 }.min()
    }

    private func passTime() {
        let now = MonotonicTime.now
        for process in processes.values {
            if let time = process.readyAt, time <= now {
                process.readyAt = nil
                handle(.ready(process.id))
            }
        }
        if let time = nextWatchdog, time <= now {
            notifier.tell(.watchdog)
            nextWatchdog = notifier.watchdogInterval.map { now.advanced(by: $0) }
        }
        if let time = nextLook, time <= now {
            let settings = configuration.settings
            let isNeeded = settings.rescueAfter != nil || settings.mostProcesses != nil
            nextLook = isNeeded ? now.advanced(by: Self.glance) : nil
            handle(.queues(berths.queues.map(\.waiting)))
        }
        if let time = supervision.nextWake, time <= now { handle(.tick) }
        if upgrade != nil { checkSuccessor() }
        if isInit { collectOrphans() }
        answerCurious(at: now)
        door?.sweep()
    }

    // MARK: What happens

    private func listen(to id: Int) {
        guard let process = processes[id], let link = process.link else { return }
        while true {
            switch link.receive() {
            case .message(.ready): handle(.ready(id))
            case .message(.counts(let counts)):
                handle(.heard(id))
                handle(.counted(id, self.counts(of: process) ?? counts))
            case .message(.leaving): handle(.leaves(id))
            case .message(.waiting): handle(.waiting)
            case .message(.draining(let step)): report(.draining(worker: id, step))
            case .message(.cut(let connections)):
                for connection in connections { report(.cut(worker: id, connection)) }
                if supervision.isStopping { cut += connections }
            case .message: break
            case .nothing: return
            case .end:
                process.linkHasEnded = true
                return
            }
        }
    }

    /// Hears what a program without a link says.
    private func hear(_ id: Int) {
        for word in processes[id]?.voice?.hear() ?? [] {
            switch word {
            case .ready: handle(.ready(id))
            case .alive: handle(.heard(id))
            case .leaving: handle(.leaves(id))
            }
        }
    }

    /// Looks whether a worker has ended.
    private func collect(_ id: Int) {
        guard let process = processes[id] else { return }
        listen(to: id)
        hear(id)
        do throws(Errno) {
            if let end = try Kernel.endIfEnded(of: process.pid) { finished(id, end) }
        } catch { finished(id, nil) }
    }

    private func finished(_ id: Int, _ end: ProcessEnd?) {
        if let process = processes.removeValue(forKey: id) { takeBack(from: process) }
        handle(.ended(id, how: end?.description ?? "is gone", isClean: end == .exited(code: 0)))
    }

    /// The first process of a system or container inherits whoever has lost its parent.
    private func collectOrphans() {
        while let (pid, end) = (try? Kernel.anyEnd()) ?? nil {
            if let id = processes.first(where: { $0.value.pid == pid })?.key {
                listen(to: id)
                finished(id, end)
            }
        }
    }

    // MARK: What is done

    /// Hands an event to the supervision and does what it says, and what comes of that.
    func handle(_ event: Supervision.Event) {
        pending.append(event)
        if pending.count > 1 { return }
        while let next = pending.first {
            for action in supervision.handle(next, at: .now) { perform(action) }
            pending.removeFirst()
        }
        answerWaiting()
    }

    private func perform(_ action: Supervision.Action) {
        switch action {
        case .start(let id, let slot, let generation): start(id, slot, generation)
        case .dock(let id, let berths): processes[id]?.link?.send(.dock(berths))
        case .leave(let id, let patience, let takingQueue):
            if let link = processes[id]?.link {
                link.send(.leave(patience: patience, takingQueue: takingQueue))
            } else {
                processes[id]?.signal(.terminate)
            }
        case .hurry(let id):
            if let link = processes[id]?.link { link.send(.hurry) } else { processes[id]?.signal(.quit) }
        case .kill(let id):
            if supervision.isStopping { killed += 1 }
            processes[id]?.signal(.kill)
        case .ask(let id): processes[id]?.link?.send(.ask)
        case .report(let event): report(event)
        case .end(let failure):
            end = HarbourReport(counts: supervision.total, failure: failure, killed: killed, cut: cut)
        }
    }

    private func start(_ id: Int, _ slot: Int, _ generation: Int) {
        guard let program = programs[generation] else { return }
        // A program without a link cannot be told where to dock: it gets the one berth that is its own.
        let numbers = program.hasLink ? Array(0..<berths.count) : [slot % berths.count]
        do throws(Errno) {
            let process = try WorkerProcess(
                id, program, server: configuration.server, generation: supervision.name(of: generation),
                watchdog: configuration.settings.silence, berths: numbers.map { berths.descriptors[$0] },
                names: numbers.map { berths.names[$0] }, place: try freePlace())
            processes[id] = process
            pending.append(.started(id, pid: process.pid))
        } catch {
            pending.append(.ended(id, how: "could not be started as \(program.path): \(error)", isClean: false))
        }
    }
}
