package import BerthSystem

/// One comparison of an experiment with what happened.
package struct Check: Sendable, Hashable {
    /// What was looked at.
    package var subject: String
    package var expected: String
    package var observed: String
    package var holds: Bool

    package init(subject: String, expected: String, observed: String, holds: Bool) {
        self.subject = subject
        self.expected = expected
        self.observed = observed
        self.holds = holds
    }

    /// For example `the bind: EADDRINUSE`, and what was seen instead where it is not so.
    package var text: String {
        holds ? "\(subject): \(observed)" : "\(subject): expected \(expected), seen instead: \(observed)"
    }
}

/// A figure that a run observed: it may differ in the next one.
package struct Figure: Sendable, Hashable {
    package var name: String
    package var value: Double

    /// Without decimals where there are none.
    package var text: String {
        value == value.rounded() && abs(value) < 1e15 ? "\(Int(value))" : "\((value * 1000).rounded() / 1000)"
    }
}

/// What came of one run of an experiment.
package struct ExperimentReport: Sendable {
    package enum Result: Sendable, Hashable {
        /// Everything was as expected.
        case held
        /// Something was not.
        case failed
        /// A step could not be done, so that nothing is known.
        case broken(String)
        /// It was not run.
        case skipped(String)

        package var word: String {
            switch self {
            case .held: "as claimed"
            case .failed: "NOT as claimed"
            case .broken: "broken"
            case .skipped: "skipped"
            }
        }
    }

    package var experiment: Experiment
    package var result: Result
    package var checks: [Check] = []
    package var figures: [Figure] = []
    package var trace = Trace()
    /// The packets, as they were captured and as they were read.
    package var packets: [CapturedPacket] = []
    package var sightings: [Witness.Sighting] = []
    package var duration: Duration = .zero
}
