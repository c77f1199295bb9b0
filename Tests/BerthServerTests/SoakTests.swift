import Berth
import BerthSystem
import BerthTesting
import TestSupport
import Testing

/// The short form of `soak` in Fuzz/, which goes on for minutes and also looks at memory and threads.
@Suite("A service at full speed with faulty peers of every kind", .timeLimit(.minutes(10)))
struct SoakTests {
    @Test("answers the honest ones rightly, and gives everyone one outcome", arguments: TestModels.all)
    func soak(model: ConcurrencyModel) async throws {
        let counter = EventCounter()
        // Slow enough for honest clients on a machine under load; faulty ones do not stay for long by themselves.
        let limits = ServerLimits(
            maximumConnections: 60, idle: .seconds(60), writeStall: .seconds(1), drain: .seconds(240),
            linger: (.milliseconds(200), .kibibytes(64)))
        let configuration = ServerConfiguration(framing: .selfCounting64, limits: limits, observers: [counter])
        let frame = [0, 0, 0, 0, 0, 0, 0, 108] + [UInt8](repeating: 0x5A, count: 100)
        let crowd = PeerCrowd(asking: frame, expecting: frame, faulty: FaultyPeer.all(frame))
        let (report, address) = try await withServer(
            on: loopback, model: model, configuration: configuration, handler: { FrameEcho() }
        ) { server in
            (await crowd.visit([server.address], for: .seconds(1)), server.address)
        }
        #expect(report.violations == [])
        #expect(report.replies > 0)
        #expect(report.faultyVisits > 0)
        #expect(counter.violations == [])
        #expect(counter.accepted == counter.ended)
        #expect(counter.outcomes.values.reduce(0, +) == counter.accepted)
        if let port = address.port { #expect(OpenDescriptors.sockets(onPort: port) == 0) }
    }
}
