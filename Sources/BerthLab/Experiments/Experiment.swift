/// A claim about TCP that anyone can have happen: what is done, what is expected, and why it is so.
package struct Experiment: Sendable {
    /// How sure one run is.
    package enum Kind: String, Sendable {
        /// Happens the same way each time.
        case deterministic
        /// A figure that varies, and is tested as statistics: by its number of trials and a tolerance.
        case statistical
        /// Waits for a timer of the kernel for half a minute or more; runs with `--slow` alone.
        case slow
    }

    /// What an experiment needs beyond a network namespace of its own.
    package enum Need: String, Sendable {
        /// A second user, whom sockets are opened for.
        case otherUser = "a second user (root outside of a user namespace)"
        /// Both processors, because it measures time: no other experiment runs beside it.
        case quiet = "a quiet machine"
    }

    /// For `berth lab run ID`: lower case with hyphens, by what it shows and not by its number.
    package var id: String
    package var theme: Theme
    /// What is true, in one sentence.
    package var claim: String
    /// What people believe, or what the articles say; `nil` where nobody says anything.
    package var belief: String?
    /// What this says about the belief.
    package var verdict: Verdict
    /// Why it is so: plain paragraphs.
    package var explanation: String
    /// Pages of `berth explain` that go on.
    package var pages: [String]
    package var kind: Kind
    package var needs: [Need]
    /// Whether a diagram of a run tells more than its comparisons do; not for those that make many connections.
    package var hasDiagram: Bool
    /// The steps, on the stage that the engine makes.
    package var steps: @Sendable (Stage) throws -> Void
    /// What is done by processes of their own, by name: see ``Stage/process(_:_:inheriting:)``.
    package var parts: [String: @Sendable (Part) throws -> Void]

    package init(
        _ id: String, _ claim: String, belief: String? = nil, _ verdict: Verdict, kind: Kind = .deterministic,
        needs: [Need] = [], pages: [String] = [], hasDiagram: Bool? = nil, because explanation: String,
        parts: [String: @Sendable (Part) throws -> Void] = [:], steps: @escaping @Sendable (Stage) throws -> Void
    ) {
        self.id = id
        self.claim = claim
        self.belief = belief
        self.verdict = verdict
        self.explanation = explanation
        self.pages = pages
        self.kind = kind
        self.needs = needs
        self.hasDiagram = hasDiagram ?? (kind == .deterministic)
        self.steps = steps
        self.parts = parts
        // Set by the list that it stands in.
        theme = .ports
    }
}

/// What an experiment says about a belief.
package enum Verdict: Sendable, Hashable {
    case isTrue
    case isFalse
    /// True, but under a condition that is not part of what people say.
    case onlyIf(String)
    /// Nothing was claimed: the articles leave it open.
    case answered

    /// For the head of a page, after the belief.
    package var words: String {
        switch self {
        case .isTrue: "true"
        case .isFalse: "false"
        case .onlyIf(let condition): "only if \(condition)"
        case .answered: "answered"
        }
    }
}

/// What experiments are ordered by.
package enum Theme: String, Sendable, CaseIterable {
    case ports = "Ports and reuse"
    case backlog = "Backlog and its two queues"
    case herds = "Herds and wake-ups"
    case reusePort = "Reuse-port: balance and replacement"
    case processes = "Processes and descriptors"
    case closing = "Closing, RST and lost tails"
    case limits = "Limits and errors"
    case framing = "Framing"
    case streams = "Streams"
}
