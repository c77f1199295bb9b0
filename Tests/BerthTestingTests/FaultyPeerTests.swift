import Berth
import BerthTesting
import TestSupport
import Testing

@Suite("Peers that misbehave", .timeLimit(.minutes(5)))
struct FaultyPeerTests {
    /// A server that loses its patience soon, for peers that wait for that, and one that does not.
    private static let strict = ServerLimits(idle: .milliseconds(150), writeStall: .milliseconds(150))
    private static let patient = ServerLimits(idle: .seconds(600), writeStall: .seconds(600))

    /// What a peer saw of an echo, and how the server says that it ended.
    private func visit(
        _ peer: FaultyPeer, limits: ServerLimits = patient, within patience: Duration = .seconds(240)
    ) async throws -> (
        PeerReport, Outcome.Kind?
    ) {
        let counter = EventCounter()
        let configuration = ServerConfiguration(limits: limits, observers: [counter])
        let report = try await withServer(on: "127.0.0.1:0", configuration: configuration) { connection in
            while case let bytes = try await connection.read(), !bytes.isEmpty { try await connection.write(bytes) }
        } operation: { server in
            await peer.visit(server.address, within: patience)
        }
        #expect(counter.violations == [])
        return (report, counter.outcomes.keys.first)
    }

    private let hello = Array("hello".utf8)

    @Test("that dribble or half-close get the whole answer, and see the end")
    func polite() async throws {
        for peer in [FaultyPeer.dribbles(hello), .halfCloses(hello)] {
            let (report, outcome) = try await visit(peer)
            #expect(report.ending == .serverFinished, "\(peer)")
            #expect(report.text == "hello", "\(peer)")
            #expect((report.sent, report.received) == (5, 5), "\(peer)")
            #expect(outcome == .peerFinished, "\(peer)")
        }
    }

    @Test("that dribble pause after each byte")
    func pauses() async throws {
        let (report, _) = try await visit(.dribbles(hello, every: .milliseconds(20)))
        #expect(report.duration >= .milliseconds(100))
    }

    @Test("that flood or babble read what they are answered, all of it")
    func loud() async throws {
        let (flood, _) = try await visit(.floods([UInt8](repeating: 7, count: 10_000), upTo: .mebibytes(3)))
        #expect(flood.ending == .serverFinished)
        #expect(flood.sent >= 3 << 20)
        #expect(flood.received == flood.sent)
        #expect(flood.reply.count == PeerReport.longestReply)
        let (one, _) = try await visit(.babbles(seed: 5))
        let (same, _) = try await visit(.babbles(seed: 5))
        #expect(one.received == 4096)
        #expect(one.reply == same.reply)
    }

    @Test("that stop or are silent see what the server does about it")
    func stopped() async throws {
        for peer in [FaultyPeer.stops(), .stops(hello), .announces(.max, width: .eight)] {
            let (report, outcome) = try await visit(peer, limits: Self.strict)
            #expect(report.ending == .serverFinished, "\(peer): \(report)")
            #expect(outcome?.isDeadline == true, "\(peer)")
        }
    }

    @Test("that never read are reset for it")
    func neverReads() async throws {
        let (report, outcome) = try await visit(.neverReads([UInt8](repeating: 7, count: 100_000)), limits: Self.strict)
        #expect(report.ending == .serverReset)
        #expect(report.received == 0)
        #expect(outcome?.isDeadline == true)
    }

    @Test("that reset do so at their moment", arguments: FaultyPeer.Moment.allCases)
    func resets(moment: FaultyPeer.Moment) async throws {
        let (report, outcome) = try await visit(.resets(hello, at: moment))
        #expect(report.ending == .left)
        #expect(report.sent == (moment == .connected ? 0 : 5))
        #expect((report.received > 0) == (moment == .answered))
        #expect(outcome == .peerReset)
    }

    @Test("that leave are gone")
    func leaves() async throws {
        let (report, outcome) = try await visit(.leaves())
        #expect(report.description.hasPrefix("sent 0 bytes, received 0, and the peer left after "))
        #expect(outcome == .peerFinished)
    }

    @Test("lose their patience, and say so when nobody listens")
    func patience() async throws {
        let (report, _) = try await visit(.stops(), within: .milliseconds(20))
        #expect(report.ending == .patienceEnded)
        let port = try RefusingPort()
        let refused = await FaultyPeer.leaves().visit(port.address)
        let reason = "cannot connect to \(port.address): nobody listens there (ECONNREFUSED)"
        #expect(refused.ending == .neverConnected(reason))
        #expect(
            refused.description.hasPrefix("sent 0 bytes, received 0, and never connected (\(reason)) after "),
            "\(refused)")
    }

    @Test("announce lengths at the bounds of each width, in either order")
    func hostileLengths() {
        #expect(
            FaultyPeer.hostileLengths(width: .two, endian: .little)
                == [0, 1, 0x7FFF, 0x8000, 0xFFFE, 0xFFFF].map { .announces($0, width: .two, endian: .little) })
        #expect(FaultyPeer.hostileLengths(width: .eight).contains(.announces(.max, width: .eight)))
    }
}
