import BerthSystem
import Testing

@testable import BerthHarbour

@Suite("The supervision of workers")
struct SupervisionTests {
    @Test("starts a worker for each slot, and lets each dock when it is ready")
    func start() {
        var driver = SupervisionDriver(workers: 2, berths: 2)
        let first = driver.send(.tick)
        #expect(first == [.start(1, slot: 0, generation: 1), .start(2, slot: 1, generation: 1)])
        driver.send(.started(1, pid: 10))
        driver.send(.started(2, pid: 11))
        // Alone it has all the berths.
        #expect(driver.send(.ready(2)) == [.dock(2, [0, 1])])
        #expect(driver.send(.ready(1)) == [.dock(1, [0]), .dock(2, [1])])
        #expect(driver.send(.tick) == [])
    }

    @Test("starts another worker at once when one dies, and its berth goes to a neighbour meanwhile")
    func crash() {
        var driver = SupervisionDriver.running(workers: 2, berths: 2)
        let actions = driver.send(.ended(1, how: "was ended by SIGKILL", isClean: false))
        #expect(actions == [.start(3, slot: 0, generation: 1), .dock(2, [0, 1])])
        #expect(driver.said == ["worker 1 was ended by SIGKILL; another one starts at once"])
        #expect(driver.bringUp(actions) == [.dock(2, [1]), .dock(3, [0])])
    }

    @Test(
        "has the others of a berth look when one of its workers dies, which the kernel may have woken for a connection")
    func wokenAndDead() {
        var driver = SupervisionDriver.running(workers: 3)
        #expect(
            driver.send(.ended(2, how: "was ended by SIGKILL", isClean: false)) == [
                .dock(1, [0]), .dock(3, [0]), .start(4, slot: 1, generation: 1),
            ])
    }

    @Test("waits longer each time that a worker ends too soon, and starts anew after one that lasted")
    func backOff() {
        var driver = SupervisionDriver.running(workers: 1) { $0.workers = 1 }
        var delays: [Duration] = []
        var id = 1
        for _ in 0..<5 {
            driver.send(.ended(id, how: "exited with 1", isClean: false))
            let before = driver.now
            while driver.workers(.starting).isEmpty, let next = driver.supervision.nextWake {
                driver.now = next
                driver.send(.tick)
            }
            delays.append(driver.now.duration(since: before))
            id = driver.workers(.starting)[0]
            driver.send(.started(id, pid: 1))
            driver.send(.ready(id))
        }
        #expect(delays == [.zero, .milliseconds(100), .milliseconds(200), .milliseconds(400), .milliseconds(800)])
        driver.now = driver.now.advanced(by: .seconds(2))
        #expect(SupervisionDriver.started(driver.send(.ended(id, how: "exited with 1", isClean: false))).count == 1)
    }

    @Test("gives up when no worker was ever ready, and says how the last one ended")
    func neverReady() {
        var driver = SupervisionDriver(workers: 1)
        var actions = driver.send(.tick)
        for _ in 0..<3 {
            for id in SupervisionDriver.started(actions) {
                driver.send(.started(id, pid: 1))
                actions = driver.send(.ended(id, how: "exited with 1", isClean: false))
            }
            if driver.supervision.workers.isEmpty, let next = driver.supervision.nextWake {
                driver.now = next
                actions += driver.send(.tick)
            }
        }
        let failure = "3 workers in a row ended before they were ready; the last one exited with 1"
        #expect(actions.last == .end(failure: failure))
    }

    @Test("kills a worker that is not ready in time")
    func tooSlow() {
        var driver = SupervisionDriver(workers: 1)
        driver.bringUp([])
        driver.send(.tick)
        driver.send(.started(1, pid: 1))
        #expect(driver.pass(.seconds(29)) == [])
        #expect(driver.pass(.seconds(1)) == [.kill(1)])
        #expect(driver.said.last == "worker 1 is killed: it was not ready within 30 s")
        #expect(driver.pass(.seconds(1)) == [])
    }

    @Test("replaces one worker after the other: the new one docks before the old one leaves")
    func reload() {
        var driver = SupervisionDriver.running(workers: 2, berths: 2)
        #expect(driver.send(.rollout(name: "v2", slots: nil)) == [.start(3, slot: 0, generation: 2)])
        driver.send(.started(3, pid: 1))
        #expect(
            driver.send(.ready(3)) == [
                .dock(3, [0]), .leave(1, patience: .seconds(30), takingQueue: false),
                .start(4, slot: 1, generation: 2),
            ])
        driver.send(.started(4, pid: 2))
        #expect(
            driver.send(.ready(4)) == [.dock(4, [1]), .leave(2, patience: .seconds(30), takingQueue: false)])
        #expect(!driver.supervision.isRollingOut)
        #expect(
            driver.said == [
                "v2 takes over from 2 workers, one after the other", "worker 3 (pid 1, v2) starts",
                "worker 3 (pid 1, v2) is ready after 0 ms", "worker 1 leaves: worker 3 takes its place",
                "worker 4 (pid 2, v2) starts", "worker 4 (pid 2, v2) is ready after 0 ms",
                "worker 2 leaves: worker 4 takes its place", "v2 has taken over",
            ])
    }

    @Test("keeps the old version when a worker of the new one fails")
    func failedRollout() {
        var driver = SupervisionDriver.running(workers: 3)
        driver.send(.rollout(name: "v2", slots: nil))
        driver.send(.started(4, pid: 1))
        #expect(driver.send(.ended(4, how: "exited with 7", isClean: false)) == [])
        #expect(
            driver.said.last
                == "v2 was given up, the old version serves: a worker of it exited with 7 before it was ready")
        #expect(driver.workers(.ready) == [1, 2, 3])
        #expect(!driver.supervision.isRollingOut)
    }

    @Test("gives a share of the slots to another version, more of them, and takes them back at once")
    func shares() {
        var driver = SupervisionDriver.running(workers: 4, berths: 4)
        driver.settle(driver.send(.rollout(name: "v2", slots: 1)))
        func versions() -> [Int] {
            driver.supervision.workers.values.sorted { $0.slot < $1.slot }.map(\.generation)
        }
        #expect(versions() == [2, 1, 1, 1])
        driver.settle(driver.send(.share(2)))
        #expect(versions() == [2, 2, 1, 1])
        let back = driver.send(.back)
        // Both leave at once, their neighbours have their berths.
        #expect(back.count { if case .leave = $0 { true } else { false } } == 2)
        let served = driver.supervision.workers.values.filter { $0.state == .ready }.flatMap(\.berths)
        #expect(Set(served) == [0, 1, 2, 3])
        driver.settle(back)
        #expect(versions() == [1, 1, 1, 1])
        driver.settle(driver.send(.finish))
        #expect(versions() == [2, 2, 2, 2])
    }

    @Test("has the neighbours dock before a worker leaves for good")
    func scaleDown() {
        var driver = SupervisionDriver.running(workers: 3, berths: 3)
        #expect(
            driver.send(.scale(1)) == [
                .dock(1, [0, 1, 2]), .leave(2, patience: .seconds(30), takingQueue: false),
                .leave(3, patience: .seconds(30), takingQueue: false),
            ])
        #expect(SupervisionDriver.started(driver.send(.scale(3))) == [4, 5])
        #expect(driver.supervision.wanted == 3)
    }

    @Test("recycles a worker that has served enough, or is old enough")
    func recycling() {
        var driver = SupervisionDriver.running(workers: 1) {
            $0.connectionsPerWorker = 100
            $0.workerAge = .seconds(1000)
        }
        var counts = WorkerCounts()
        counts.accepted = 89
        #expect(driver.send(.counted(1, counts)) == [])
        // 90: half of the jitter.
        counts.accepted = 90
        driver.settle(driver.send(.counted(1, counts)))
        #expect(driver.workers(.ready) == [2])
        #expect(driver.said.contains("worker 1 leaves: it has accepted 90 connections"))
        for _ in 0..<200 {
            driver.now = driver.now.advanced(by: .seconds(5))
            driver.settle(driver.send(.counted(driver.workers(.ready)[0], WorkerCounts())))
        }
        #expect(driver.said.contains("worker 2 leaves: it is old enough"))
        #expect(driver.supervision.retired.accepted == 90)
    }

    @Test("puts another worker in the place of one that says nothing")
    func silence() {
        var driver = SupervisionDriver.running(workers: 1)
        #expect(driver.pass(.seconds(4)) == [])
        #expect(driver.pass(.seconds(1)) == [.start(2, slot: 0, generation: 1)])
        #expect(driver.said == ["worker 1 has said nothing for 10 s; another one takes its place"])
        driver.send(.started(2, pid: 1))
        #expect(driver.send(.ready(2)).contains(.leave(1, patience: .seconds(30), takingQueue: false)))
    }

    @Test("spares a worker that speaks again before another one is ready, and dismisses that one")
    func silenceIsOver() {
        var driver = SupervisionDriver.running(workers: 2)
        driver.pass(.seconds(4))
        #expect(driver.send(.heard(2)) == [])
        #expect(driver.pass(.seconds(1)) == [.start(3, slot: 0, generation: 1)])
        driver.send(.started(3, pid: 3))
        #expect(driver.send(.heard(1)) == [.leave(3, patience: .zero, takingQueue: false)])
        #expect(driver.said.last == "worker 1 speaks again, and stays")
        driver.send(.ended(3, how: "exited with 0", isClean: true))
        #expect(driver.supervision.workers.filter { $0.value.state == .ready }.keys.sorted() == [1, 2])
        // It may fall silent again.
        driver.pass(.seconds(5))
        driver.send(.heard(2))
        #expect(driver.pass(.seconds(5)).contains(.start(4, slot: 0, generation: 1)))
    }

    @Test("takes none for silent before all that was said has been heard")
    func slowHarbour() {
        var driver = SupervisionDriver.running(workers: 2)
        driver.now = driver.now.advanced(by: .seconds(60))
        #expect(driver.send(.heard(1)) == [])
        #expect(driver.send(.heard(2)) == [])
        #expect(driver.pass(.zero) == [])
    }

    @Test("goes on as a lame duck before it ends, and ends at once the second time, or when it is over")
    func lameDuck() {
        for isImpatient in [true, false] {
            var driver = SupervisionDriver.running(workers: 1) { $0.lameDuck = .seconds(5) }
            #expect(driver.send(.stop) == [])
            #expect(driver.said == ["ending; not ready any more, accepting for 5 s more"])
            // Until then it is as before.
            #expect(driver.pass(.milliseconds(4999)) == [])
            let leave = Supervision.Action.leave(1, patience: .zero, takingQueue: true)
            #expect(isImpatient ? driver.send(.stop) == [leave] : driver.pass(.milliseconds(1)) == [leave])
            #expect(driver.said.last == "ending; 0 connections open")
            #expect(driver.send(.stop) == [.hurry(1)])
        }
        var driver = SupervisionDriver.running(workers: 1) { $0.lameDuck = .seconds(5) }
        #expect(driver.send(.stopNow) == [.leave(1, patience: .zero, takingQueue: true), .hurry(1)])
    }

    @Test("lets all take what is queued when it ends, and cuts them short the second time")
    func stop() {
        var driver = SupervisionDriver.running(workers: 2)
        #expect(
            driver.send(.stop) == [
                .leave(1, patience: .zero, takingQueue: true), .leave(2, patience: .zero, takingQueue: true),
            ])
        #expect(driver.send(.stop) == [.hurry(1), .hurry(2)])
        #expect(driver.send(.stop) == [.hurry(1), .hurry(2)])
        #expect(driver.pass(.seconds(30)) == [.kill(1), .kill(2)])
        driver.send(.ended(1, how: "was ended by SIGKILL", isClean: false))
        #expect(driver.send(.ended(2, how: "exited with 0", isClean: true)) == [.end(failure: nil)])
    }

    @Test("has nobody dock while it is paused")
    func pause() {
        var driver = SupervisionDriver.running(workers: 2)
        #expect(driver.send(.pause) == [.dock(1, []), .dock(2, [])])
        #expect(driver.send(.pause) == [])
        #expect(driver.send(.resume) == [.dock(1, [0]), .dock(2, [0])])
    }

    @Test("has programs leave when it is paused, since they cannot undock, and starts others when it is resumed")
    func pausePrograms() {
        var driver = SupervisionDriver.running(workers: 2) {
            $0.canDock = false
            $0.patience = .zero
        }
        let leave: [Supervision.Action] = [
            .leave(1, patience: .zero, takingQueue: false), .leave(2, patience: .zero, takingQueue: false),
        ]
        #expect(driver.send(.pause).filter { if case .leave = $0 { true } else { false } } == leave)
        for id in 1...2 { #expect(driver.send(.ended(id, how: "exited with 0", isClean: true)) == []) }
        #expect(driver.pass(.seconds(60)) == [])
        #expect(
            driver.send(.resume) == [.start(3, slot: 0, generation: 1), .start(4, slot: 1, generation: 1)])
    }

    @Test("ends only once nobody waits, where each connection has a worker of its own")
    func stopProcesses() {
        var driver = SupervisionDriver.running(workers: 1) {
            $0.mostProcesses = 10
            $0.rescueAfter = nil
        }
        #expect(driver.send(.stop) == [])
        #expect(driver.send(.queues([1])) == [])
        // It has taken the one that waited; another one comes.
        #expect(driver.send(.leaves(1)) == [.start(2, slot: 0, generation: 1)])
        #expect(driver.send(.ended(1, how: "exited with 0", isClean: true)) == [])
        #expect(driver.send(.queues([0])) == [.leave(2, patience: .zero, takingQueue: true)])
        #expect(driver.send(.ended(2, how: "exited with 0", isClean: true)) == [.end(failure: nil)])
    }

    @Test("does not wait for ever for who waits, and not at all when it is in a hurry")
    func stopProcessesAnyway() {
        for event in [Supervision.Event.stop, .stopNow, .tick] {
            var driver = SupervisionDriver.running(workers: 1) { $0.mostProcesses = 10 }
            driver.send(.stop)
            driver.send(.queues([7]))
            if case .tick = event { driver.now = driver.now.advanced(by: .seconds(5)) }
            #expect(driver.send(event).contains(.leave(1, patience: .zero, takingQueue: true)))
        }
    }

    @Test("keeps the counts of workers that are gone")
    func counts() {
        var driver = SupervisionDriver.running(workers: 2)
        var counts = WorkerCounts()
        counts.accepted = 10
        counts.active = 2
        counts.outcomes = ["finished": 8]
        driver.send(.counted(1, counts))
        driver.send(.ended(1, how: "was ended by SIGKILL", isClean: false))
        #expect(driver.supervision.total.accepted == 10)
        #expect(driver.supervision.total.active == 0)
        #expect(driver.supervision.total.outcomes == ["finished": 8])
    }
}
