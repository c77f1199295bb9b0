/// One rule: a pure function from what was seen to findings.
package struct Rule: Sendable {
    /// What a rule says.
    package enum Result: Sendable {
        case findings([Finding])
        /// It could not be decided, and why: `needs a window (--for)`.
        case skipped(String)

        static var nothing: Result { .findings([]) }
        static func found(_ finding: Finding?) -> Result { .findings(finding.map { [$0] } ?? []) }
    }

    package var code: FindingCode
    /// What it looks for, in a few words.
    package var title: String
    package var check: @Sendable (CheckInput) -> Result

    /// A rule that compares two moments.
    static func overTime(
        _ code: FindingCode, _ title: String, _ check: @escaping @Sendable (CheckInput) -> Result
    ) -> Rule {
        Rule(code: code, title: title) { input in
            input.hasWindow ? check(input) : .skipped("it compares two moments: --for 1s or longer")
        }
    }
}

/// What all rules say together.
package struct CheckReport: Sendable {
    package var findings: [Finding]
    package var checked: Int
    /// The rules that could not be decided, by reason.
    package var skipped: [(code: FindingCode, reason: String)]
    /// What could not be seen.
    package var gaps: [String]

    /// Errors first, then warnings, then notes; each in the order of the codes.
    package init(_ input: CheckInput, rules: [Rule] = Rule.all) {
        var findings: [Finding] = []
        var skipped: [(code: FindingCode, reason: String)] = []
        for rule in rules {
            switch rule.check(input) {
            case .findings(let found): findings += found
            case .skipped(let reason): skipped.append((rule.code, reason))
            }
        }
        let order = Finding.Severity.allCases
        self.findings = order.flatMap { severity in findings.filter { $0.severity == severity } }
        self.skipped = skipped
        checked = rules.count - skipped.count
        gaps = input.now.gaps
    }

    /// Whether something is wrong: notes are not.
    package var hasFaults: Bool { findings.contains { $0.severity != .note } }
}

extension Rule {
    /// All rules that a look at a running host can decide, by code. B001, B004, B022, B026, B027 and B028 are about one
    /// bind, and told by ``explainBindFailure(of:reuse:isIPv6Only:errno:)`` and `berth why`.
    package static let all: [Rule] = [
        inheritedListener, leftovers, silentDuplicate, queueOverflow, backlogClamped, synFlood, descriptorsOut,
        acceptorStuck, closeWaitLeak, remnantPile, portsRunOut, resetByUnread, resetByLinger, brokenPipeKills,
        groupMemberStops, halfOpen, slowPeer, delayedAcks, loopbackOnly, listenerStopped, conntrackFull, lossOrPressure,
    ]
}
