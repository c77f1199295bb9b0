import BerthSystem

@testable import BerthHarbour

/// A supervision with a clock that a test moves.
struct SupervisionDriver {
    var supervision: Supervision
    var now = MonotonicTime(nanoseconds: 1_000_000_000_000)
    /// What was said since the beginning.
    var said: [String] = []
    private var pid: Int32 = 1000

    init(workers: Int = 2, berths: Int = 1, _ change: (inout SupervisionSettings) -> Void = { _ in }) {
        var settings = SupervisionSettings(workers: workers, berths: berths)
        settings.random = { ($0.lowerBound + $0.upperBound) / 2 }
        change(&settings)
        supervision = Supervision(settings)
    }

    /// What is to be done, without what is only said.
    @discardableResult
    mutating func send(_ event: Supervision.Event) -> [Supervision.Action] {
        var rest: [Supervision.Action] = []
        for action in supervision.handle(event, at: now) {
            if case .report(let event) = action { said.append(event.description) } else { rest.append(action) }
        }
        return rest
    }

    @discardableResult
    mutating func pass(_ time: Duration) -> [Supervision.Action] {
        now = now.advanced(by: time)
        return send(.tick)
    }

    /// The workers that are to be started.
    static func started(_ actions: [Supervision.Action]) -> [Int] {
        actions.compactMap { if case .start(let id, _, _) = $0 { id } else { nil } }
    }

    /// Starts them, and they become ready.
    @discardableResult
    mutating func bringUp(_ actions: [Supervision.Action]) -> [Supervision.Action] {
        var all: [Supervision.Action] = []
        for id in Self.started(actions) {
            pid += 1
            send(.started(id, pid: pid))
            all += send(.ready(id))
        }
        return all
    }

    /// Everything until nothing is started any more; those who are told to leave do so at once.
    mutating func settle(_ actions: [Supervision.Action]) {
        var next = actions
        while !next.isEmpty {
            var made = bringUp(next)
            for case .leave(let id, _, _) in next + made {
                made += send(.ended(id, how: "exited with 0", isClean: true))
            }
            next = made.filter { if case .start = $0 { true } else { false } }
        }
    }

    /// A harbour whose workers are all ready, a while later.
    static func running(
        workers: Int = 2, berths: Int = 1, _ change: (inout SupervisionSettings) -> Void = { _ in }
    ) -> SupervisionDriver {
        var driver = SupervisionDriver(workers: workers, berths: berths, change)
        driver.settle(driver.send(.tick))
        driver.now = driver.now.advanced(by: .seconds(5))
        driver.said = []
        return driver
    }

    /// The numbers of the workers in a state, ascending.
    func workers(_ state: SupervisedWorker.State) -> [Int] {
        supervision.workers.filter { $0.value.state == state }.keys.sorted()
    }
}
