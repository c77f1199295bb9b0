import BerthSystem
import Testing

@testable import BerthHarbour

@Suite("A berth where connections wait and nobody accepts")
struct RescueTests {
    @Test("gets the neighbours, and loses them once its own worker accepts again")
    func rescue() {
        var driver = SupervisionDriver.running(workers: 2, berths: 2) { $0.silence = nil }
        func look(_ depths: [Int]) -> [Supervision.Action] {
            driver.now = driver.now.advanced(by: .milliseconds(100))
            return driver.send(.queues(depths))
        }
        #expect(look([0, 0]) == [])
        #expect(look([3, 0]) == [.ask(1)])
        #expect(look([4, 0]) == [.ask(1)])
        #expect(look([5, 0]) == [.ask(1)])
        #expect(look([5, 0]) == [.dock(2, [0, 1])])
        #expect(
            driver.said == ["5 connections waited at berth 0 while nobody accepted there; 1 neighbour docks there too"])
        // The helper takes them. As long as the worker is stuck, it stays.
        _ = look([0, 0])
        for _ in 0..<45 { #expect(look([0, 0]) == []) }
        var counts = WorkerCounts()
        counts.accepted = 1
        driver.send(.counted(1, counts))
        driver.send(.counted(2, counts))
        for _ in 0..<10 { _ = look([0, 0]) }
        #expect(driver.said.last == "berth 0 is served by its own worker again")
        #expect(driver.supervision.workers[2]?.berths == [1])
    }

    @Test("gets other programs where those that are there take nothing from the queue for too long")
    func programs() {
        var driver = SupervisionDriver.running(workers: 2, berths: 2) {
            $0.canDock = false
            $0.rescueAfter = .seconds(1)
            $0.silence = nil
        }
        func look(_ depths: [Int]) -> [Supervision.Action] {
            driver.now = driver.now.advanced(by: .milliseconds(250))
            return driver.send(.queues(depths))
        }
        // Fewer now and then: somebody takes them.
        for depth in [3, 4, 3, 4, 3, 4, 3, 4] { #expect(look([0, depth]) == []) }
        for depth in [5, 5] { #expect(look([0, depth]) == []) }
        #expect(look([0, 7]) == [.start(3, slot: 1, generation: 1)])
        #expect(
            driver.said == ["7 connections waited at berth 1 for 1 s and became no fewer; its programs are replaced"])
        #expect(
            driver.bringUp([.start(3, slot: 1, generation: 1)]).contains(
                .leave(2, patience: .seconds(30), takingQueue: false)))
        #expect(driver.said.last == "worker 2 leaves: connections wait and it accepts none")
    }

    @Test("is left alone when its worker accepts, however long the queue")
    func busy() {
        var driver = SupervisionDriver.running(workers: 2, berths: 2)
        var counts = WorkerCounts()
        for step in 1...50 {
            driver.now = driver.now.advanced(by: .milliseconds(100))
            counts.accepted = step
            driver.send(.counted(1, counts))
            driver.send(.counted(2, WorkerCounts()))
            #expect(driver.send(.queues([100 + step, 0])) == [.ask(1)])
        }
        #expect(driver.said == [])
    }

    @Test("that all share has them look again: one may have been woken that is stuck")
    func shared() {
        var driver = SupervisionDriver.running(workers: 2, berths: 1)
        var actions: [Supervision.Action] = []
        for _ in 0..<4 {
            driver.now = driver.now.advanced(by: .milliseconds(100))
            actions = driver.send(.queues([1]))
        }
        #expect(actions == [.dock(1, [0]), .dock(2, [0])])
        #expect(driver.said == [])
    }

    @Test("is left alone when rescue is off")
    func off() {
        var driver = SupervisionDriver.running(workers: 2, berths: 2) { $0.rescueAfter = nil }
        for _ in 0..<50 {
            driver.now = driver.now.advanced(by: .milliseconds(100))
            #expect(driver.send(.queues([9, 0])) == [])
            driver.send(.counted(1, WorkerCounts()))
            driver.send(.counted(2, WorkerCounts()))
        }
    }
}
