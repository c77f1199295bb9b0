internal import BerthSystem

extension Experiment {
    /// Runs it on a thread and in a network of its own, and waits until it is over.
    ///
    /// - Parameter keepsPackets: whether the report has the packets themselves.
    package func run(_ settings: LabSettings = LabSettings(), keepsPackets: Bool = false) -> ExperimentReport {
        var report = ExperimentReport(experiment: self, result: .skipped(""))
        if let reason = reasonToSkip(settings) {
            report.result = .skipped(reason)
            return report
        }
        let begin = MonotonicTime.now
        let done = Monitor<ExperimentReport?>(nil)
        do throws(Errno) {
            try Thread.start(name: id) {
                let report = perform(settings, keepsPackets: keepsPackets)
                done.change { $0 = report }
            }
        } catch {
            report.result = .broken("no thread could be started: \(error)")
            return report
        }
        // Everything that waits has a limit of its own; this one is for what has none.
        let limit = Duration.seconds(kind == .slow ? 600 : 120)
        guard var done = done.wait(until: .after(limit), { $0 }) else {
            report.result = .broken("it did not come to an end within \(Int(limit.inSeconds)) seconds")
            return report
        }
        done.duration = MonotonicTime.now.duration(since: begin)
        return done
    }

    private func reasonToSkip(_ settings: LabSettings) -> String? {
        if kind == .slow, !settings.runsSlow { return "it waits for a long timer; run it with --slow" }
        if needs.contains(.otherUser), !Kernel.canBeFileUser(65534) { return "it needs \(Need.otherUser.rawValue)" }
        return nil
    }

    /// On the calling thread, which is of no use for anything else afterwards.
    private func perform(_ settings: LabSettings, keepsPackets: Bool) -> ExperimentReport {
        var report = ExperimentReport(experiment: self, result: .held)
        let stage: Stage
        do { stage = try Stage(self, settings) } catch {
            report.result = .broken("\(error)")
            return report
        }
        do {
            try steps(stage)
            if stage.checks.isEmpty { report.result = .broken("it compares nothing") }
        } catch {
            report.result = .broken("\(error)")
        }
        report.trace = stage.finish()
        report.checks = stage.checks
        report.figures = stage.figures
        if report.result == .held, !stage.checks.allSatisfy(\.holds) { report.result = .failed }
        if keepsPackets {
            report.packets = stage.witness.packets
            report.sightings = stage.witness.sightings
        }
        return report
    }
}
