import BerthSystem
import Testing

@testable import BerthServer

@Suite("The plan of a service's end")
struct DrainPlanTests {
    /// A plan with a clock that a test moves.
    private struct Driver {
        var plan: DrainPlan
        var now = MonotonicTime(nanoseconds: 1_000_000_000_000)
        var active = 1000

        init(lameDuck: Duration = .zero, drain: Duration = .seconds(15)) {
            plan = DrainPlan(
                .init(lameDuck: lameDuck, drain: drain, force: .seconds(5), linger: .seconds(2)), at: now)
        }

        mutating func send(_ event: DrainPlan.Event, after time: Duration = .zero) -> [DrainPlan.Action] {
            now = now.advanced(by: time)
            return plan.handle(event, active: active, at: now)
        }

        func moment(_ time: Duration) -> MonotonicTime { now.advanced(by: time) }
    }

    @Test("goes through its steps in its time, and ends with the last of it, whatever handlers do")
    func steps() {
        var driver = Driver(lameDuck: .seconds(5))
        #expect(driver.send(.tick) == [.announce(for: .seconds(5))])
        #expect(driver.plan.isAnnouncing)
        #expect(driver.send(.tick, after: .milliseconds(4999)) == [])
        let until = driver.moment(.milliseconds(15_001))
        #expect(driver.send(.tick, after: .milliseconds(1)) == [.tell(within: .seconds(3), until: until)])
        #expect(!driver.plan.isAnnouncing)
        #expect(driver.send(.tick, after: .milliseconds(14_999)) == [])
        let reset = driver.moment(.milliseconds(2001))
        #expect(driver.send(.tick, after: .milliseconds(1)) == [.halfClose(until: reset)])
        #expect(driver.send(.tick, after: .milliseconds(1999)) == [])
        #expect(driver.send(.tick, after: .milliseconds(1)) == [.reset])
        #expect(driver.send(.tick, after: .milliseconds(2999)) == [])
        #expect(driver.send(.tick, after: .milliseconds(1)) == [.end])
        #expect(driver.send(.tick, after: .seconds(1)) == [])
    }

    @Test("ends as soon as there is no connection any more, but not while it still accepts")
    func empty() {
        for steps in 0...2 {
            var driver = Driver(lameDuck: .seconds(5))
            _ = driver.send(.tick)
            driver.active = 0
            #expect(driver.send(.tick, after: .seconds(1)) == [])
            driver.active = 1
            _ = driver.send(.tick, after: .seconds(4))
            for _ in 0..<steps { _ = driver.send(.hurry) }
            driver.active = 0
            #expect(driver.send(.tick) == [.end], "\(steps)")
        }
    }

    @Test("comes to its next step each time that someone is in a hurry")
    func hurry() {
        var driver = Driver(lameDuck: .seconds(5))
        _ = driver.send(.tick)
        let until = driver.moment(.seconds(16))
        #expect(driver.send(.hurry, after: .seconds(1)) == [.tell(within: .seconds(3), until: until)])
        let reset = driver.moment(.milliseconds(1500))
        #expect(driver.send(.hurry, after: .seconds(1)) == [.halfClose(until: reset)])
        #expect(driver.send(.tick, after: .milliseconds(499)) == [])
        #expect(driver.send(.hurry) == [.reset])
        #expect(driver.send(.hurry) == [])
        #expect(driver.plan.next == driver.moment(.milliseconds(4501)))
    }

    @Test("lets connections that are in nobody's way end by themselves where it is hurried from the beginning")
    func hurriedFromTheBeginning() {
        var driver = Driver(lameDuck: .seconds(5))
        let until = driver.moment(.milliseconds(100))
        #expect(driver.send(.hurry) == [.tell(within: .zero, until: until)])
        #expect(driver.send(.tick, after: .milliseconds(99)) == [])
        let reset = driver.moment(.milliseconds(501))
        #expect(driver.send(.tick, after: .milliseconds(1)) == [.halfClose(until: reset)])
    }

    @Test(
        "tells many connections over a fifth of their time, and few at once",
        arguments: [
            (0, Duration.seconds(15), Duration.zero), (1, .seconds(15), .milliseconds(3)),
            (20, .seconds(15), .milliseconds(60)), (1000, .seconds(15), .seconds(3)),
            (16_384, .seconds(15), .seconds(3)),
            (100, .milliseconds(50), .milliseconds(10)), (5, .zero, .zero),
        ])
    func window(active: Int, time: Duration, window: Duration) {
        #expect(DrainPlan.window(active, time) == window)
    }
}
