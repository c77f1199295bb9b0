internal import BerthEngine
internal import BerthHarbour
internal import BerthServer
internal import BerthSockets
internal import BerthSystem

/// Tells on standard error what a service does.
final class Announcer: ServerObserver {
    private let plan: ServicePlan
    private let model: AskedModel
    private let isVerbose: Bool
    private let tally = Monitor(Tally())

    private struct Tally {
        var outcomes: [Outcome.Kind: Int] = [:]
        var refused = 0
        var bytes = ByteAccount()
    }

    init(plan: ServicePlan, model: AskedModel, isVerbose: Bool) {
        self.plan = plan
        self.model = model
        self.isVerbose = isVerbose
    }

    func observe(_ event: ServerEvent) {
        switch event {
        case .listening(let address, let backlog, let note):
            Talk.say("serving \(plan.name) on \(address) (\(model.actual), \(plan.framing), backlog \(backlog))")
            if let note { Talk.say(note) }
            if let note = model.note { Talk.say(note) }
            for hint in plan.hints(address) { Talk.say("try: \(hint)") }
        case .accepted(let id, let peer):
            if isVerbose { Talk.say("\(id) \(peer) connected") }
        case .refused(let peer, let reason):
            tally.withLock { $0.refused += 1 }
            Talk.say("refused \(peer?.description ?? "a connection"): \(reason)")
        case .ended(let id, let peer, let end):
            tally.withLock { tally in
                tally.outcomes[end.outcome.kind, default: 0] += 1
                if let bytes = end.bytes { tally.bytes.add(bytes) }
            }
            // What went wrong is told in any case: a silent server is a mystery.
            if isVerbose || Self.isTrouble(end.outcome) { Talk.say("\(id) \(peer) \(Self.text(end))") }
        case .acceptFailed(let errno, let pause):
            Talk.say("cannot accept: \(errno)" + (pause.map { "; trying again in \($0.short)" } ?? ""))
        case .acceptStalled(let waiting, let time, let isFull):
            Talk.say(Self.stalled(waiting, for: time, isFull: isFull))
        case .acceptResumed(let time): Talk.say("accepting again, after \(time.short)")
        case .handlerBlocks(let id, let peer, let time):
            Talk.say(Self.blocks(id, peer, for: time))
        case .handlerBlocked(let id, let peer, let time):
            Talk.say(Self.blocked(id, peer, for: time))
        case .draining(let step):
            // A worker's are told by its harbour.
            if WorkerRole.current == nil, let text = Self.text(step) { Talk.say(text) }
        case .harbour(let event): Talk.say(event.description)
        case .stopped: break
        }
    }

    /// `ended after 1.2 s: the peer finished (12 bytes received, 40 bytes sent)`.
    static func text(_ end: ConnectionEnd) -> String {
        "ended after \(end.duration.short): \(end.outcome)" + (end.bytes.map { " (\($0))" } ?? "")
    }

    /// `nil` where it concerns nobody.
    static func text(_ step: DrainStep) -> String? {
        switch step {
        case .announced: "\(step) (^C to end now)"
        case .telling(let active, _): active > 0 ? "\(step) (^C again to cut)" : nil
        case .halfClosing, .resetting: step.description
        }
    }

    static func blocks(_ id: ConnectionID?, _ peer: SocketAddress?, for time: Duration) -> String {
        "\(handler(id, peer)) has blocked its event loop for \(time.short): the loop's other connections wait; "
            + "await what takes long, or serve with --model threads"
    }

    static func stalled(_ waiting: Int, for time: Duration, isFull: Bool) -> String {
        "\(waiting == 1 ? "1 connection waits" : "\(waiting) connections wait") to be accepted, and none was for \(time.short)"
            + (isFull ? ": there are as many as there may be (--max-connections, --rate, or --refuse)" : "")
    }

    static func blocked(_ id: ConnectionID?, _ peer: SocketAddress?, for time: Duration) -> String {
        "\(handler(id, peer)) no longer blocks its event loop, after \(time.short)"
    }

    private static func handler(_ id: ConnectionID?, _ peer: SocketAddress?) -> String {
        guard let id, let peer else { return "what a handler has started" }
        return "the handler of \(id) \(peer)"
    }

    /// One line on the whole life of the service. A harbour and its workers say that by their events.
    func summarise(_ report: StopReport) {
        if model.asked.hasWorkers { return }
        let (outcomes, refused, bytes) = tally.withLock { ($0.outcomes, $0.refused, $0.bytes) }
        let parts = Outcome.Kind.allCases.compactMap { kind in outcomes[kind].map { "\($0) \(kind.rawValue)" } }
        let served = outcomes.values.reduce(0, +)
        var text = "served \(count(served, "connection"))"
        if !parts.isEmpty { text += ": " + parts.joined(separator: ", ") }
        if bytes != ByteAccount() { text += "; \(bytes)" }
        if refused > 0 { text += "; refused \(refused)" }
        for cut in report.cut { Talk.say(cut.description) }
        Talk.say(text)
    }

    private static func isTrouble(_ outcome: Outcome) -> Bool {
        switch outcome.kind {
        case .protocolError, .handlerFailed, .cancelled, .killed: true
        case .peerFinished, .finished, .peerReset, .aborted, .detached, .drained: false
        default: outcome.kind.isDeadline || outcome.kind.isLimit
        }
    }

    private func count(_ number: Int, _ noun: String) -> String { number == 1 ? "1 \(noun)" : "\(number) \(noun)s" }
}
