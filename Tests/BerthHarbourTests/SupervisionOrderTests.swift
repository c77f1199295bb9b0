import BerthSystem
import BerthTesting
import Testing

@testable import BerthHarbour

@Suite("A supervision, whatever happens in whatever order")
struct SupervisionOrderTests {
    /// The kinds of harbours there are.
    enum Kind: CaseIterable {
        case shared, each, programs, programsWithOneEach, processes

        func apply(to settings: inout SupervisionSettings) {
            switch self {
            case .shared, .each: break
            case .programs, .programsWithOneEach:
                settings.canDock = false
                settings.patience = .zero
            case .processes:
                settings.mostProcesses = 6
                settings.surge = 3
            }
        }

        var berths: Int { self == .each || self == .programsWithOneEach ? 3 : 1 }
    }

    @Test("ends each roll-out or gives it up, has all its workers in the end, and never asks to be woken in the past")
    func settles() {
        for kind in Kind.allCases {
            for seed in 0..<12 {
                var world = World(kind, seed: UInt64(seed))
                for _ in 0..<120 { world.step() }
                world.calmDown()
                let name = "\(kind), seed \(seed)\n\(world.driver.said.joined(separator: "\n"))"
                #expect(world.spins == 0, "asks to be woken in the past: \(name)")
                #expect(!world.driver.supervision.isRollingOut, "still rolling out: \(name)")
                let workers = world.driver.supervision.workers.values
                let ready = workers.filter { $0.state == .ready }
                #expect(ready.count == world.driver.supervision.wanted && workers.count == ready.count, "\(name)")
                let slots = world.driver.supervision.slots
                #expect(ready.allSatisfy { $0.generation == slots[$0.slot].target }, "an old version is left: \(name)")
                #expect(Set(ready.flatMap(\.berths)).count == kind.berths, "a berth is served by nobody: \(name)")
                let hasEnded = world.end()
                #expect(hasEnded, "does not end: \(name)")
            }
        }
    }
}

/// Processes that start, become ready, die and leave as chance will have it.
private struct World {
    var driver: SupervisionDriver
    /// How often the supervision wanted to be called at a time that had passed.
    var spins = 0
    private var random: SeededGenerator
    /// The processes that there are, and whether they were told to leave.
    private var processes: [Int: (isReady: Bool, isLeaving: Bool)] = [:]
    private var hasEnded = false
    private var rollouts = 0

    init(_ kind: SupervisionOrderTests.Kind, seed: UInt64) {
        random = SeededGenerator(seed: seed)
        driver = SupervisionDriver(workers: 3, berths: kind.berths) { kind.apply(to: &$0) }
        send(.tick)
        // One is ready before anything goes wrong: before that three failures would be the end.
        for id in processes.keys.sorted() { say(ready: id) }
    }

    mutating func send(_ event: Supervision.Event) {
        var events = [event]
        while !events.isEmpty {
            for action in driver.send(events.removeFirst()) {
                switch action {
                case .start(let id, _, _):
                    processes[id] = (false, false)
                    events.append(.started(id, pid: Int32(id)))
                case .leave(let id, _, _), .hurry(let id): processes[id]?.isLeaving = true
                case .kill(let id):
                    if processes.removeValue(forKey: id) != nil {
                        events.append(.ended(id, how: "was ended by SIGKILL", isClean: false))
                    }
                case .end: hasEnded = true
                case .dock, .ask, .report: break
                }
            }
        }
    }

    private mutating func say(ready id: Int) {
        processes[id]?.isReady = true
        send(.ready(id))
    }

    private mutating func end(_ id: Int, clean: Bool) {
        if processes.removeValue(forKey: id) == nil { return }
        send(.ended(id, how: clean ? "exited with 0" : "was ended by SIGKILL", isClean: clean))
    }

    private mutating func any(_ isMeant: ((isReady: Bool, isLeaving: Bool)) -> Bool) -> Int? {
        processes.filter { isMeant($0.value) }.keys.sorted().randomElement(using: &random)
    }

    /// Whatever comes next.
    mutating func step() {
        switch Int.random(in: 0..<24, using: &random) {
        case 0..<6: if let id = any({ !$0.isReady }) { say(ready: id) }
        case 6..<9: if let id = any({ $0.isLeaving }) { end(id, clean: !random.isOne(in: 5)) }
        case 9: if let id = any({ _ in true }) { end(id, clean: random.isOne(in: 3)) }
        case 10: if let id = any({ $0.isReady && !$0.isLeaving }) { send(.leaves(id)) }
        case 11: send(.rollout(name: "r\(rollouts)", slots: random.isOne(in: 2) ? nil : 1))
        case 12: send(.share(Int.random(in: 1...3, using: &random)))
        case 13: send(random.isOne(in: 2) ? .finish : .back)
        // Programs with a berth each are never fewer than berths: the harbour refuses that.
        case 14: send(.scale(Int.random(in: driver.supervision.settings.canDock ? 1...4 : 3...4, using: &random)))
        case 15: send(random.isOne(in: 2) ? .pause : .resume)
        case 16: if let id = any({ $0.isReady }) { send(.replace(id)) }
        case 17:
            send(.queues((0..<driver.supervision.settings.berths).map { _ in Int.random(in: 0...2, using: &random) }))
        case 18: send(.waiting)
        default: pass(.milliseconds(Int.random(in: 1...4000, using: &random)))
        }
        rollouts += 1
    }

    private mutating func pass(_ time: Duration) {
        driver.now = driver.now.advanced(by: time)
        for id in processes.keys.sorted() where processes[id]?.isReady == true { send(.heard(id)) }
        send(.tick)
        if let next = driver.supervision.nextWake, next <= driver.now { spins += 1 }
    }

    /// Nothing goes wrong any more: all become ready, and whoever is to leave does.
    mutating func calmDown() {
        send(.resume)
        for _ in 0..<60 {
            for id in processes.keys.sorted() {
                if processes[id]?.isReady == false { say(ready: id) }
                if processes[id]?.isLeaving == true { end(id, clean: true) }
                // Whoever serves one connection has served it.
                if driver.supervision.workers[id]?.state == .leaving { end(id, clean: true) }
            }
            send(.queues(Array(repeating: 0, count: driver.supervision.settings.berths)))
            pass(.seconds(1))
        }
    }

    /// Ends it; whether that is reported.
    mutating func end() -> Bool {
        send(.stop)
        send(.queues(Array(repeating: 0, count: driver.supervision.settings.berths)))
        for id in processes.keys.sorted() { end(id, clean: true) }
        return hasEnded
    }
}
