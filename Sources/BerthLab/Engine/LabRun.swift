package import BerthSystem

/// Runs several experiments, some at once.
package enum LabRun {
    private struct State {
        var waiting: [(index: Int, experiment: Experiment)]
        var running = 0
        /// Whether one runs that wants nobody beside it.
        var isAlone = false
        var reports: [Int: ExperimentReport] = [:]
    }

    /// Runs them, those that need a quiet machine one by one at the end, and reports each when it is over.
    ///
    /// - Returns: the reports in the order of `experiments`.
    package static func run(
        _ experiments: [Experiment], _ settings: LabSettings = LabSettings(),
        progress: @escaping @Sendable (ExperimentReport) -> Void = { _ in }
    ) throws(Errno) -> [ExperimentReport] {
        let numbered = experiments.enumerated().map { (index: $0.offset, experiment: $0.element) }
        let state = Monitor(
            State(
                waiting: numbered.filter { !$0.experiment.needs.contains(.quiet) }
                    + numbered.filter { $0.experiment.needs.contains(.quiet) }))
        for job in 0..<max(1, min(settings.jobs, experiments.count)) {
            try Thread.start(name: "lab-\(job)") {
                while let (index, experiment) = state.wait({ next(&$0) }) ?? nil {
                    let report = experiment.run(settings)
                    progress(report)
                    state.change { state in
                        state.running -= 1
                        state.isAlone = false
                        state.reports[index] = report
                    }
                }
            }
        }
        let count = experiments.count
        let reports = state.wait { $0.reports.count == count ? $0.reports : nil } ?? [:]
        return experiments.indices.compactMap { reports[$0] }
    }

    /// The next one that may begin; a `nil` within when there is none any more, and `nil` when it has to wait.
    private static func next(_ state: inout State) -> (Int, Experiment)?? {
        guard let first = state.waiting.first else { return .some(nil) }
        let wantsQuiet = first.experiment.needs.contains(.quiet)
        guard !state.isAlone, !wantsQuiet || state.running == 0 else { return nil }
        state.waiting.removeFirst()
        state.running += 1
        state.isAlone = wantsQuiet
        return (first.index, first.experiment)
    }
}

/// Whether and how private networks can be had here.
package enum LabAccess: Sendable, Equatable {
    /// This process may make them.
    case granted
    /// A process in a user namespace of its own may.
    case throughUserNamespace
    /// Neither: what the kernel says.
    case refused(Errno)

    /// Set in the environment of a process that the lab started in a user namespace.
    package static let variable = "BERTH_LAB_NAMESPACE"

    /// Tries it, on a thread of its own.
    package static func probe() -> LabAccess {
        let result = Monitor<Result<Void, Errno>?>(nil)
        do throws(Errno) {
            try Thread.start(name: "lab-probe") {
                let outcome = Result { () throws(Errno) in try NetworkNamespace.enterNew() }
                result.change { $0 = outcome }
            }
        } catch { return .refused(error) }
        switch result.wait({ $0 }) {
        case .success: return .granted
        case .failure(let errno):
            // Whoever is refused within a user namespace of the lab would be refused in the next one.
            return Kernel.environmentVariable(variable) == nil ? .throughUserNamespace : .refused(errno)
        case nil: return .refused(.cancelled)
        }
    }
}
