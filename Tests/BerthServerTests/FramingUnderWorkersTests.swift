import Berth
import BerthSystem
import TestSupport
import Testing

@Suite("The same handler in worker processes", .serialized)
struct FramingUnderWorkersTests {
    private typealias Subject = FramingUnderModelsTests.Subject

    @Test(
        "gives every frame back under every layout and engine",
        arguments: ["processes", "process-pool", "reuse-port", "process-pool-threads", "process-pool-thread-pool"])
    func echo(model: String) async throws {
        try await onOwnThread {
            for subject in Subject.all {
                let program = try Program(
                    try Program.buildDirectory() + "/WorkerFixture", [model, subject.framing.description])
                let line = try #require(program.line(containing: "127.0.0.1:", on: .standard))
                let address = try Self.address(line)
                for delivery in FramingUnderModelsTests.Delivery.allCases
                where !(subject.endsWithStream && delivery == .cutShort) {
                    try FramingUnderModelsTests.deliver(
                        subject, delivery, to: address, "\(subject.framing), \(delivery)")
                }
                program.signal(.terminate)
                let (end, _, error) = try program.end()
                #expect(end == .exited(code: 0), "\(error)")
            }
        }
    }

    private static func address(_ text: String) throws -> SocketAddress {
        guard case .address(let address) = try Endpoint(parsing: text).target else {
            throw SocketError(.resolve, address: text)
        }
        return address
    }
}
