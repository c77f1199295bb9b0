internal import BerthSystem

/// What can go wrong with a connection under load, in the order of its life.
enum LoadFailure: Int, Sendable, CaseIterable {
    case refused, connectTimedOut, connectFailed, reset, closedEarly, noReply, wrongBytes, sendFailed

    /// The kind, as people read it.
    var name: String {
        switch self {
        case .refused: "refused"
        case .connectTimedOut: "connect timed out"
        case .connectFailed: "connect failed"
        case .reset: "reset"
        case .closedEarly: "closed early"
        case .noReply: "no reply"
        case .wrongBytes: "wrong bytes"
        case .sendFailed: "failed"
        }
    }

    /// The kind, as programs read it.
    var key: String { String(name.map { $0 == " " ? "_" : $0 }) }

    /// The kind of a failed system call on a connection that is made.
    init(ofConnection errno: Errno) {
        switch errno {
        case .connectionReset, .brokenPipe: self = .reset
        case .timedOut, .hostUnreachable: self = .noReply
        default: self = .sendFailed
        }
    }

    /// The kind of a failed connect.
    init(ofConnect errno: Errno) {
        switch errno {
        case .connectionRefused: self = .refused
        case .timedOut: self = .connectTimedOut
        case .connectionReset: self = .reset
        default: self = .connectFailed
        }
    }
}

/// How often each kind of failure happened, with the first one of each as an example: bounded, whatever happens.
struct FailureTally: Sendable, Hashable {
    private(set) var counts = [Int](repeating: 0, count: LoadFailure.allCases.count)
    private(set) var examples = [String?](repeating: nil, count: LoadFailure.allCases.count)

    var total: Int { counts.reduce(0, +) }

    /// Counts one; `example` is asked for the first of each kind only.
    mutating func count(_ failure: LoadFailure, example: () -> String) {
        counts[failure.rawValue] += 1
        if examples[failure.rawValue] == nil { examples[failure.rawValue] = example() }
    }

    mutating func add(_ other: FailureTally) {
        for index in counts.indices {
            counts[index] += other.counts[index]
            examples[index] = examples[index] ?? other.examples[index]
        }
    }

    /// Those that happened, with the most frequent first.
    var entries: [(kind: LoadFailure, count: Int, example: String)] {
        LoadFailure.allCases.filter { counts[$0.rawValue] > 0 }
            .map { ($0, counts[$0.rawValue], examples[$0.rawValue] ?? "") }
            .sorted { $0.count > $1.count }
    }
}
