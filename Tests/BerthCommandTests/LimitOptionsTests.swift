import ArgumentParser
import BerthFraming
import BerthServer
import BerthSockets
import BerthSystem
import TestSupport
import Testing

@testable import BerthCommand

@Suite("The limits of berth serve")
struct LimitOptionsTests {
    private static func limits(waitsForPeople: Bool = false, _ arguments: String...) throws -> ServerLimits {
        var limits = ServerLimits.default
        limits.maximumConnections = 100
        try LimitOptions.parse(arguments).apply(to: &limits, waitsForPeople: waitsForPeople)
        return limits
    }

    @Test("are those of the library, but for times that a person at a terminal would exceed")
    func defaults() throws {
        let far = try Self.limits()
        #expect(far.overload == .wait && far.perAddress == .automatic && far.acceptRate == nil && far.access.isEmpty)
        #expect(far.firstByte == .seconds(10) && far.frame == .seconds(30) && far.writeStall == .seconds(30))
        #expect(far.age == nil && far.minimumRate == nil)
        let near = try Self.limits(waitsForPeople: true)
        #expect(near.firstByte == nil && near.frame == nil && near.writeStall == .seconds(30))
    }

    @Test("are what was asked for, near or far")
    func asked() throws {
        let limits = try Self.limits(
            waitsForPeople: true, "--per-address", "5", "--rate", "100", "--burst", "20", "--allow", "10.0.0.0/8",
            "--deny", "10.1.0.0/16", "--deny", "2001:db8::/32", "--first-byte", "2.5", "--frame-time", "7",
            "--min-rate",
            "500", "--write-stall", "0", "--max-connection-age", "3600")
        #expect(limits.perAddress == .atMost(5) && limits.acceptRate == .init(perSecond: 100, burst: 20))
        #expect(limits.access.allow.map(\.description) == ["10.0.0.0/8"])
        #expect(limits.access.deny.map(\.description) == ["10.1.0.0/16", "2001:db8::/32"])
        #expect(limits.firstByte == .milliseconds(2500) && limits.frame == .seconds(7))
        #expect(limits.minimumRate?.bytes == 500 && limits.writeStall == nil && limits.age == .seconds(3600))
        #expect(try Self.limits("--per-address", "none").perAddress == .unlimited)
        #expect(try Self.limits("--refuse").overload == .refuse)
        #expect(try Self.limits("--farewell", "full").overload == .farewell(Array("full\n".utf8)))
        #expect(try Self.limits("--queue", "2").overload == .queue(for: .seconds(2), atMost: 25))
    }

    @Test("refuse what makes no sense")
    func mistakes() {
        for arguments in [
            ["--refuse", "--queue", "1"], ["--burst", "5"], ["--rate", "none", "--burst", "5"], ["--queue", "0"],
            ["--per-address", "0"], ["--deny", "10.0.0.1/8"], ["--first-byte", "-1"], ["--rate", "auto"],
        ] {
            #expect(throws: (any Error).self, "\(arguments)") { _ = try LimitOptions.parse(arguments) }
        }
    }

    @Test("turn connections away as they say", arguments: TestModels.all)
    func farewell(model: ConcurrencyModel) async throws {
        try await onOwnThread {
            let service = try Service(
                ["--service", "echo", "--max-connections", "1", "--farewell", "full, come back later"], model: model)
            let first = try HarbourFixture.connect(to: service.address)
            try first.expect("hello")
            let second = SocketStream(try TCPSocket.connect(to: try Endpoint(parsing: service.address)))
            #expect(try second.readLine() == "full, come back later")
            first.close()
            let said = try service.stop()
            #expect(said.contains(": there are 1 connections, the maximum\n") && said.contains("; refused 1"))
        }
    }
}
