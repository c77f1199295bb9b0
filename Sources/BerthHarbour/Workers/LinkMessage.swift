internal import BerthSockets
internal import BerthSystem

/// What a harbour and a worker tell each other, one message a datagram, in words: `dock 0 2`, `leave 30000 0`,
/// `counts accepted=12 active=3 refused=0 received=90 sent=90 discarded=0 unacknowledged=0 unsent=0 drained=1`.
package enum LinkMessage: Sendable, Hashable {
    // From the worker.
    /// It can take connections, once it is told where to dock.
    case ready
    /// What it has counted so far; also that it is alive.
    case counts(WorkerCounts)
    /// It leaves, though nobody of the harbour told it to.
    case leaving
    /// It has undocked, and connections wait there: it may have been the one that the kernel has woken for them.
    case waiting
    /// It ends its connections, and has come to this step of that.
    case draining(DrainStep)
    /// Connections that it had to cut, not too many at a time.
    case cut([CutConnection])
    // From the harbour.
    /// Accept at these berths and at no others.
    case dock([Int])
    /// Accept nothing more; go on with what there is for so long; tell the connections; end.
    case leave(patience: Duration, takingQueue: Bool)
    /// Cut the connections.
    case hurry
    /// Send ``counts(_:)`` at once.
    case ask

    package var text: String {
        switch self {
        case .ready: "ready"
        case .leaving: "leaving"
        case .waiting: "waiting"
        case .hurry: "hurry"
        case .ask: "ask"
        case .draining(let step): "draining \(step.words)"
        case .cut(let connections): "cut \(JSONValue.array(connections.map(\.json)))"
        case .dock(let berths): (["dock"] + berths.map(String.init)).joined(separator: " ")
        case .leave(let patience, let takingQueue):
            "leave \(patience.wholeNanoseconds / 1_000_000) \(takingQueue ? 1 : 0)"
        case .counts(let counts):
            (["counts accepted=\(counts.accepted) active=\(counts.active) refused=\(counts.refused)"]
                + [
                    "received=\(counts.bytes.received) sent=\(counts.bytes.sent)",
                    "discarded=\(counts.bytes.discarded) unacknowledged=\(counts.bytes.unacknowledged)",
                    "unsent=\(counts.bytes.unsent)",
                ]
                + counts.outcomes.sorted { $0.key < $1.key }.map { "\($0.key.hyphenated)=\($0.value)" })
                .joined(separator: " ")
        }
    }

    /// `nil` for what is none: another version's, perhaps.
    package init?(_ text: String) {
        let words = text.split(separator: " ").map { String($0) }
        switch words.first {
        case "ready": self = .ready
        case "leaving": self = .leaving
        case "waiting": self = .waiting
        case "hurry": self = .hurry
        case "ask": self = .ask
        case "draining":
            guard let step = DrainStep(words: words.dropFirst().map { $0 }) else { return nil }
            self = .draining(step)
        case "cut":
            guard let connections = JSONValue(parsing: String(text.dropFirst("cut ".count)))?.elements else {
                return nil
            }
            self = .cut(connections.compactMap { CutConnection($0) })
        case "dock":
            let berths = words.dropFirst().map { Int($0) }
            if berths.contains(nil) { return nil }
            self = .dock(berths.compactMap { $0 })
        case "leave":
            guard words.count == 3, let time = Int(words[1]), time >= 0 else { return nil }
            self = .leave(patience: .milliseconds(time), takingQueue: words[2] == "1")
        case "counts":
            var counts = WorkerCounts()
            for word in words.dropFirst() {
                let parts = word.split(separator: "=", maxSplits: 1)
                guard parts.count == 2, let number = Int(parts[1]), number >= 0 else { return nil }
                switch parts[0] {
                case "accepted": counts.accepted = number
                case "active": counts.active = number
                case "refused": counts.refused = number
                case "received": counts.bytes.received = number
                case "sent": counts.bytes.sent = number
                case "discarded": counts.bytes.discarded = number
                case "unsent": counts.bytes.unsent = number
                case "unacknowledged": counts.bytes.unacknowledged = number
                default: counts.outcomes[String(parts[0]).spaced] = number
                }
            }
            self = .counts(counts)
        default: return nil
        }
    }
}

extension String {
    fileprivate var hyphenated: String { String(map { $0 == " " ? "-" : $0 }) }
    fileprivate var spaced: String { String(map { $0 == "-" ? " " : $0 }) }
}
