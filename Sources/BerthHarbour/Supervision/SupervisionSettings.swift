internal import BerthSystem

/// How a harbour treats its workers. Every wait has a bound from the start.
package struct SupervisionSettings: Sendable {
    /// How many workers there are to be.
    package var workers: Int
    /// How many berths there are, for good.
    package var berths: Int
    /// How long a worker may take to become ready before it is killed. Default 30 s.
    package var readyWithin: Duration = .seconds(30)
    /// How long a worker may say nothing before another one takes its place. Workers say something each second.
    /// Default 10 s; `nil` for workers that have no link.
    package var silence: Duration? = .seconds(10)
    /// How long a worker that leaves may go on with the connections that it has before it tells them. Default 30 s.
    package var patience: Duration = .seconds(30)
    /// How long it may take from then on before it is killed. Default 30 s.
    package var drain: Duration = .seconds(30)
    /// How long the service goes on once it is said not to be ready any more, before it ends. Default none.
    package var lameDuck: Duration = .zero
    /// How many workers in a row may fail at a slot, before any was ever ready, until the harbour gives up. Default 3.
    package var startAttempts = 3
    /// How many workers may be started beside those that they replace. Default 1.
    package var surge = 1
    /// How many connections a worker may accept before another one takes its place; default `nil`, any number.
    package var connectionsPerWorker: Int?
    /// How old a worker may become before another one takes its place; default `nil`, any age.
    package var workerAge: Duration?
    /// For how long connections must have waited at a berth where nobody accepts before neighbours dock there; where
    /// workers cannot dock, before others take the places of those that are there. Default 300 ms; `nil` for never.
    package var rescueAfter: Duration? = .milliseconds(300)
    /// Whether a worker serves one connection and leaves: then the workers that are to be there are those that wait for
    /// one, and those that serve one may take as long as it does. How many there may be of both; default `nil`, workers
    /// serve any number.
    package var mostProcesses: Int?
    /// Whether workers can be told where to accept. Programs that Berth only runs cannot: each has the berth of its slot
    /// for as long as it lives. Default true.
    package var canDock = true
    /// A random number in a range; tests have their own.
    package var random: @Sendable (ClosedRange<Double>) -> Double = { Double.random(in: $0) }

    package init(workers: Int, berths: Int) {
        self.workers = max(1, workers)
        self.berths = max(1, berths)
    }

    /// How long to wait before another worker is started where `failures` in a row have ended too soon: the first at
    /// once, then 100 ms, doubling to 30 s, each 20 % more or less, so that many do not start at the same moment.
    package func restartDelay(failures: Int) -> Duration {
        if failures <= 1 { return .zero }
        let exponent = min(failures - 2, 9)
        let base = min(30_000, 100 << exponent)
        return .milliseconds(Int(Double(base) * random(0.8...1.2)))
    }

    /// How long a worker must have been ready for its end to count as the first failure again. A second.
    package static let stableAfter: Duration = .seconds(1)

    /// A limit of recycling, 20 % less at most, so that the workers are not all replaced at the same time.
    func jittered(_ limit: Int) -> Int { max(1, Int(Double(limit) * random(0.8...1))) }
}
