import Berth
import BerthSystem
import TestSupport
import Testing

@Suite("withConnection", .timeLimit(.minutes(5)))
struct ClientScopeTests {
    private struct Failure: Error {}

    /// The outcome on the server's side, and what it got.
    private func serving(
        _ client: @escaping @Sendable (SocketAddress) async throws -> Void
    ) async throws -> (Outcome.Kind?, [UInt8]) {
        let log = EventLog()
        let got = Monitor<[UInt8]>([])
        try await withServer(on: loopback, configuration: .test(log)) { connection in
            while true {
                let bytes = try await connection.read()
                if bytes.isEmpty { return }
                got.change { $0 += bytes }
            }
        } operation: { server in
            try await client(server.address)
            _ = try await onOwnThread { log.outcomes() }
        }
        return (log.outcomes().first?.kind, got.withLock { $0 })
    }

    @Test("ends the connection politely when its body returns: everything arrives", arguments: ClientPlace.all)
    func returns(place: ClientPlace) async throws {
        let bytes = (0..<1 << 20).map { UInt8(truncatingIfNeeded: $0) }
        let (outcome, got) = try await serving { address in
            let result = try await place.run {
                try await withConnection(to: address) { connection in
                    try await connection.write(bytes)
                    return 42
                }
            }
            #expect(result == 42)
        }
        #expect(outcome == .peerFinished)
        #expect(got == bytes)
    }

    @Test("ends it with an RST when its body throws", arguments: ClientPlace.all)
    func throwing(place: ClientPlace) async throws {
        let (outcome, _) = try await serving { address in
            await #expect(throws: Failure.self) {
                try await place.run {
                    try await withConnection(to: address) { connection in
                        try await connection.write("half of a")
                        try await connection.flush()
                        throw Failure()
                    }
                }
            }
        }
        #expect(outcome == .peerReset)
    }

    @Test("leaves a connection alone that its body has ended", arguments: ClientPlace.all)
    func endedBefore(place: ClientPlace) async throws {
        let (outcome, _) = try await serving { address in
            try await place.run {
                try await withConnection(to: address) { connection in
                    let report = try await connection.finish()
                    if !report.isClean { throw Failure() }
                }
            }
        }
        #expect(outcome == .peerFinished)
    }

    @Test("throws what connecting throws, without calling its body", arguments: ClientPlace.all)
    func refused(place: ClientPlace) async throws {
        let nobody = try RefusingPort()
        let address = nobody.address
        await #expect(throws: StreamError.self) {
            try await place.run {
                try await withConnection(to: address) { _ in Issue.record("called") }
            }
        }
        _ = consume nobody
    }
}
