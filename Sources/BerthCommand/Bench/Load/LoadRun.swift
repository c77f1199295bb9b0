internal import BerthFraming
internal import BerthSockets
internal import BerthSystem

/// A run of load: its threads, its times, its end.
struct LoadRun {
    let plan: LoadPlan
    let template: MessageTemplate
    /// Whose processor time is to be told beside our own.
    var serverProcess: Int32?
    /// Called about once a second with the last complete one.
    var onSecond: (LoadSample) -> Void = { _ in }

    /// Runs to the end, or until SIGINT or SIGTERM: the first ends the measuring, a second one the waiting for replies.
    ///
    /// - Throws: when threads or epoll cannot be had. What goes wrong with connections is in the result.
    func run() throws(Errno) -> LoadResult {
        let trap = try SignalTrap([.interrupt, .terminate])
        let control = LoadControl()
        let collector = LoadCollector(threads: plan.threads)
        for index in 0..<plan.threads {
            do throws(Errno) {
                try Thread.start(name: "berth-bench-\(index)") { [plan, template] in
                    do throws(Errno) {
                        var loop = try LoadLoop(
                            plan, thread: index, template: template, control: control, collector: collector)
                        try loop.run()
                    } catch {
                        collector.broke(error)
                        control.endNow()
                    }
                }
            } catch {
                collector.broke(error)
                control.endNow()
            }
        }
        var watch = SignalWatch(trap: trap, control: control)
        // Connections that nobody accepts are told by the loops; they do not keep the others waiting for ever.
        let patience = Deadline.after(plan.stallLimit)
        while !watch.wasEnded, !patience.hasPassed {
            if collector.waitUntilOpened(until: watch.nextLook(before: patience)) { break }
            watch.look()
        }
        control.start(plan)
        let begin = MonotonicTime(nanoseconds: control.begin)
        wait(until: begin, collector, &watch)
        let before = serverProcess.flatMap { ProcessorTime.ofProcess($0) }
        watchSeconds(control, collector, &watch)
        let after = serverProcess.flatMap { ProcessorTime.ofProcess($0) }
        // Each loop ends by itself after the stall limit at the latest.
        while !collector.waitUntilFinished(until: watch.nextLook(before: .never)) { watch.look() }
        let end = MonotonicTime(nanoseconds: control.end)
        let harvest = collector.harvest
        if let broken = harvest.broken { throw broken }
        var result = LoadResult(plan: plan, wireCount: template.layout.count, harvest: harvest)
        result.measured = begin < end ? end.duration(since: begin) : .zero
        result.wasCutShort = watch.wasEnded
        if let before, let after { result.serverProcessorTime = after - before }
        return result
    }

    private func wait(until moment: MonotonicTime, _ collector: LoadCollector, _ watch: inout SignalWatch) {
        while !watch.wasEnded, moment > .now {
            if collector.waitUntilFinished(until: watch.nextLook(before: Deadline(time: moment))) { return }
            watch.look()
        }
    }

    /// Until measuring ends.
    private func watchSeconds(_ control: LoadControl, _ collector: LoadCollector, _ watch: inout SignalWatch) {
        var told: LoadSample?
        while MonotonicTime.now.nanoseconds < control.end {
            let end = MonotonicTime(nanoseconds: control.end)
            if collector.waitUntilFinished(until: watch.nextLook(before: Deadline(time: end))) { return }
            watch.look()
            if let latest = collector.latest, latest != told {
                told = latest
                onSecond(latest)
            }
        }
    }
}

/// Looks for signals now and then: the thread that waits for the loops has nothing else to do.
private struct SignalWatch: ~Copyable {
    private let trap: SignalTrap
    private let control: LoadControl
    private(set) var wasEnded = false

    init(trap: consuming SignalTrap, control: LoadControl) {
        self.trap = trap
        self.control = control
    }

    func nextLook(before deadline: Deadline) -> Deadline { deadline.earlier(of: .after(.milliseconds(100))) }

    mutating func look() {
        while trap.next() != nil {
            if wasEnded { control.cutNow() }
            control.endNow()
            wasEnded = true
        }
    }
}
