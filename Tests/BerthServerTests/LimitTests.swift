import Berth
import BerthSystem
import TestSupport
import Testing

@testable import BerthServer

@Suite("The limits of a server")
struct LimitTests {
    @Test("connections above the maximum wait until another one ends", arguments: TestModels.all)
    func waiting(model: ConcurrencyModel) async throws {
        var limits = ServerLimits.default
        limits.maximumConnections = 2
        try await withServer(on: loopback, model: model, configuration: .test(limits: limits)) { connection in
            try await connection.write("in\n")
            _ = try await connection.readLine()
        } operation: { server in
            try await onOwnThread {
                let first = try server.connect()
                let second = try server.connect()
                let found1 = try first.readLine()
                #expect(found1 == "in")
                let found2 = try second.readLine()
                #expect(found2 == "in")
                let third = try server.connect()
                third.readDeadline = .after(.milliseconds(300))
                #expect(throws: StreamError.self) { _ = try third.readLine() }
                #expect(server.statistics.active == 2)
                try first.finish()
                third.readDeadline = .after(.seconds(240))
                let found3 = try third.readLine()
                #expect(found3 == "in")
            }
        }
    }

    @Test("or are reset and counted as refused, when that is asked for", arguments: TestModels.all)
    func refusing(model: ConcurrencyModel) async throws {
        var limits = ServerLimits.default
        limits.maximumConnections = 1
        limits.overload = .refuse
        let log = EventLog()
        try await withServer(on: loopback, model: model, configuration: .test(limits: limits, log)) { connection in
            try await connection.write("in\n")
            _ = try await connection.readLine()
        } operation: { server in
            try await onOwnThread {
                let first = try server.connect()
                let found4 = try first.readLine()
                #expect(found4 == "in")
                #expect(throws: (any Error).self) { _ = try server.connect().readToEnd() }
                #expect(log.waitFor { if case .refused = $0 { true } else { false } })
                #expect(server.statistics.refused == 1)
                #expect(server.statistics.accepted == 1)
            }
        }
        let reasons = log.all.compactMap { event -> String? in
            if case .refused(_, let reason) = event { return reason.description }
            return nil
        }
        #expect(reasons == ["there are 1 connections, the maximum"])
    }

    @Test("the pause after accept errors doubles from 5 ms to 1 s, and ends with the first success")
    func backOff() {
        var backOff = AcceptBackOff()
        var pauses: [Duration?] = [backOff.pause]
        for _ in 0..<9 {
            backOff.failed(.backOff)
            pauses.append(backOff.pause)
        }
        let expected = [nil, 5, 10, 20, 40, 80, 160, 320, 640, 1000].map { $0.map { Duration.milliseconds($0) } }
        #expect(pauses == expected)
        backOff.failed(.retry)
        #expect(backOff.pause == nil)
        backOff.failed(.backOff)
        backOff.succeeded()
        #expect(backOff.pause == nil)
    }

    @Test("an address that is taken is an error that says by whom", arguments: TestModels.all)
    func addressTaken(model: ConcurrencyModel) async throws {
        try await withServer(on: loopback, model: model, configuration: .test()) { _ in
        } operation: { server in
            let error = await #expect(throws: ServerError.self) {
                try await withServer(on: Endpoint(server.address)) { _ in
                } operation: { _ in
                }
            }
            #expect(error?.cause.errno == .addressInUse)
            #expect(error?.cause.address == server.address.description)
            #expect(error?.description.contains("pid ") == true)
        }
    }
}
