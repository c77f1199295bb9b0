internal import BerthFraming
public import BerthSockets
internal import BerthSystem

/// Many clients at once, as fast as they can: honest ones that check every byte, and beside them faulty ones of every kind.
/// For tests of endurance.
///
/// ```swift
/// let crowd = PeerCrowd(asking: request, expecting: reply, faulty: FaultyPeer.all(request))
/// let report = await crowd.visit([server.address], for: .seconds(2))
/// #expect(report.violations == [])
/// ```
public struct PeerCrowd: Sendable {
    /// What came of a visit.
    public struct Report: Sendable, Hashable {
        /// Replies that honest clients got, each as it should be.
        public var replies = 0
        /// Connections of honest clients.
        public var honestVisits = 0
        /// Those of them that the server ended, or never took, before the client was through with it.
        public var cut = 0
        /// Visits of faulty peers.
        public var faultyVisits = 0
        /// Replies that were wrong, as sentences; the first ones.
        public var violations: [String] = []
    }

    private let request: [UInt8]
    private let reply: [UInt8]
    private let peers: [FaultyPeer]
    private let counts: (honest: Int, faulty: Int)
    private let seed: UInt64

    /// - Parameters:
    ///   - request: one message of the service's protocol, of which many may follow each other on a connection.
    ///   - reply: what it is answered.
    ///   - faulty: the peers that visit, in random order.
    ///   - honestClients: how many are there all the time. Default 2.
    ///   - faultyClients: the same of faulty ones. Default 8.
    ///   - seed: of their order. Default 1.
    public init(
        asking request: [UInt8], expecting reply: [UInt8], faulty peers: [FaultyPeer], honestClients: Int = 2,
        faultyClients: Int = 8, seed: UInt64 = 1
    ) {
        self.request = request
        self.reply = reply
        self.peers = peers
        counts = (honestClients, faultyClients)
        self.seed = seed
    }

    /// Visits a service for a while.
    ///
    /// - Parameters:
    ///   - addresses: where it listens. Several, as `127.0.0.1`, `127.0.0.2` of one wildcard, are used in turn: a client has
    ///     some 28,000 ports for each, and a connection that has ended keeps one for a minute.
    ///   - time: how long. It ends some seconds later at most.
    public func visit(_ addresses: [SocketAddress], for time: Duration) async -> Report {
        let end = Deadline.after(time)
        let state = Monitor((report: Report(), left: counts.honest + counts.faulty))
        for number in 0..<counts.honest + counts.faulty {
            let isHonest = number < counts.honest
            let seed = seed &+ UInt64(number)
            do throws(Errno) {
                try Thread.start(name: isHonest ? "honest-client" : "faulty-client") {
                    var random = SeededGenerator(seed: seed)
                    var turn = number
                    while !end.hasPassed {
                        let address = addresses[turn % addresses.count]
                        turn += 1
                        let seen =
                            isHonest ? converse(with: address, until: end) : misbehave(at: address, &random, until: end)
                        state.withLock { $0.report.add(seen) }
                    }
                    state.change { $0.left -= 1 }
                }
            } catch { state.change { $0.left -= 1 } }
        }
        return await withCheckedContinuation { continuation in
            let wait: @Sendable () -> Void = {
                let report = state.wait { $0.left == 0 ? $0.report : nil } ?? Report()
                continuation.resume(returning: report)
            }
            do throws(Errno) { try Thread.start(name: "crowd", wait) } catch { wait() }
        }
    }

    /// How many requests are sent before their replies are awaited, and how many times on one connection.
    private static let (depth, rounds) = (16, 200)
    private static let patience: Duration = .seconds(30)

    private func converse(with address: SocketAddress, until end: Deadline) -> Report {
        var report = Report()
        report.honestVisits = 1
        let requests = [UInt8]((0..<Self.depth).map { _ in request }.joined())
        do {
            let stream = SocketStream(try TCPSocket.connect(to: address, within: Self.patience))
            stream.stallLimit = Self.patience
            try stream.setIdleLimit(Self.patience)
            for _ in 0..<Self.rounds where !end.hasPassed {
                try stream.write(requests)
                for _ in 0..<Self.depth {
                    let found = try stream.readExactly(reply.count)
                    if found != reply {
                        report.violations.append("an honest client got \(found.prefix(32)) of \(found.count) bytes")
                        return report
                    }
                    report.replies += 1
                }
            }
            try stream.finish()
        } catch { report.cut = 1 }
        return report
    }

    private func misbehave(at address: SocketAddress, _ random: inout SeededGenerator, until end: Deadline) -> Report {
        var report = Report()
        guard let peer = peers.randomElement(using: &random) else { return report }
        // Some are there until the server does something about it.
        let patience: Duration =
            random.isOne(in: 8) ? .seconds(3) : .milliseconds(Int.random(in: 5...100, using: &random))
        _ = peer.visitBlocking(address, within: min(patience, max(.milliseconds(1), end.remaining ?? patience)))
        report.faultyVisits = 1
        return report
    }
}

extension PeerCrowd.Report {
    fileprivate mutating func add(_ other: Self) {
        replies += other.replies
        honestVisits += other.honestVisits
        cut += other.cut
        faultyVisits += other.faultyVisits
        if violations.count < 20 { violations += other.violations }
    }
}
