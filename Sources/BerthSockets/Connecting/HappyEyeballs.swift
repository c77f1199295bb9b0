internal import BerthSystem

/// In which order, and when, the addresses of a host are tried (RFC 8305, "Happy Eyeballs").
///
/// A pure state machine: it is told what happened and when, and answers what to do. Addresses of the two families
/// alternate, beginning with the family that the resolver put first. The next attempt starts 250 ms after the last
/// one, or at once when one fails; the first to connect wins, and the others are given up.
struct HappyEyeballs: Sendable {
    /// What to do. An attempt is named by its index in ``addresses``.
    enum Action: Sendable, Hashable {
        case start(Int)
        /// Close the socket of this attempt.
        case giveUp(Int)
        /// The connection is this one.
        case succeed(Int)
        /// Every address failed, or the deadline passed; ``attempts`` says how.
        case fail
    }

    /// The time between the starts of two attempts while none has failed (RFC 8305, section 5).
    static let attemptDelay: Duration = .milliseconds(250)

    /// The addresses in the order in which they are tried.
    let addresses: [SocketAddress]
    /// The attempts that failed, in the order of their failure.
    private(set) var attempts: [ConnectAttempt] = []
    /// When ``timePassed(at:)`` wants to be called; `nil` when there is nothing left to start.
    private(set) var wakeUp: MonotonicTime?

    private var next = 0
    private var running: [Int: MonotonicTime] = [:]
    private var isOver = false

    init(_ addresses: [SocketAddress]) { self.addresses = Self.interleaved(addresses) }

    /// Starts the first attempt.
    mutating func begin(at time: MonotonicTime) -> [Action] {
        startNext(at: time) ?? end([.fail])
    }

    /// The time of ``wakeUp`` has come.
    mutating func timePassed(at time: MonotonicTime) -> [Action] {
        guard !isOver, let wakeUp, wakeUp <= time else { return [] }
        return startNext(at: time) ?? []
    }

    /// An attempt failed.
    mutating func failed(_ index: Int, _ errno: Errno, at time: MonotonicTime) -> [Action] {
        guard !isOver, record(index, errno, at: time) else { return [] }
        if let actions = startNext(at: time) { return actions }
        return running.isEmpty ? end([.fail]) : []
    }

    /// An attempt connected.
    mutating func connected(_ index: Int, at time: MonotonicTime) -> [Action] {
        guard !isOver, running.removeValue(forKey: index) != nil else { return [] }
        return end(running.keys.sorted().map(Action.giveUp) + [.succeed(index)])
    }

    /// The deadline of the whole passed: what still runs counts as failed without an answer.
    mutating func deadlinePassed(at time: MonotonicTime) -> [Action] {
        guard !isOver else { return [] }
        let unanswered = running.keys.sorted()
        for index in unanswered { record(index, nil, at: time) }
        return end(unanswered.map(Action.giveUp) + [.fail])
    }

    private mutating func startNext(at time: MonotonicTime) -> [Action]? {
        guard next < addresses.count else { return nil }
        let index = next
        next += 1
        running[index] = time
        wakeUp = next < addresses.count ? time.advanced(by: Self.attemptDelay) : nil
        return [.start(index)]
    }

    @discardableResult
    private mutating func record(_ index: Int, _ errno: Errno?, at time: MonotonicTime) -> Bool {
        guard let start = running.removeValue(forKey: index) else { return false }
        attempts.append(
            ConnectAttempt(address: addresses[index], failure: errno, after: time.duration(since: start)))
        return true
    }

    private mutating func end(_ actions: [Action]) -> [Action] {
        isOver = true
        wakeUp = nil
        return actions
    }

    /// One of the first family, one of the other, and so on; each family keeps its order (RFC 8305, section 4).
    static func interleaved(_ addresses: [SocketAddress]) -> [SocketAddress] {
        guard let first = addresses.first else { return [] }
        let preferred = addresses.filter { $0.family == first.family }
        let others = addresses.filter { $0.family != first.family }
        var result: [SocketAddress] = []
        for index in 0..<max(preferred.count, others.count) {
            if index < preferred.count { result.append(preferred[index]) }
            if index < others.count { result.append(others[index]) }
        }
        return result
    }
}
