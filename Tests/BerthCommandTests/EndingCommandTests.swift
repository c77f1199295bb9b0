import BerthServer
import BerthSockets
import BerthSystem
import TestSupport
import Testing

@Suite("The end of berth serve", .serialized)
struct EndingCommandTests {
    private static let models: [ConcurrencyModel] = [.eventLoops(loops: 1), .threads, .processPool(workers: 1)]

    @Test(
        "goes on as a lame duck that says it is not ready, until its time is over or a second signal comes",
        arguments: models)
    func lameDuck(model: ConcurrencyModel) async throws {
        try await onOwnThread {
            let file = "/tmp/berth-lame-duck-\(Kernel.processID)-\(model.name)"
            let service = try Service(
                ["--service", "echo", "--lame-duck", "600", "--port-file", file], model: model)
            let patience = Deadline.after(.seconds(240))
            while (try? Kernel.contents(of: file)) == nil, !patience.hasPassed {}
            service.program.signal(.terminate)
            #expect(
                service.program.line(containing: "ending; not ready any more, accepting for 600 s more")
                    != nil)
            while (try? Kernel.contents(of: file)) != nil, !patience.hasPassed {}
            #expect((try? Kernel.contents(of: file)) == nil)
            let late = try HarbourFixture.connect(to: service.address)
            try late.expect("hello")
            service.program.signal(.terminate)
            let (end, _, error) = try service.program.end()
            #expect(end == .exited(code: 0), "\(error)")
            #expect(error.contains("served 1 connection: 1 drained; 5 bytes received, 5 bytes sent\n"), "\(error)")
            late.close()
        }
    }

    @Test("names each connection that it had to cut, and ends with 1", arguments: models)
    func cut(model: ConcurrencyModel) async throws {
        try await onOwnThread {
            let service = try Service(
                ["--service", "echo", "--framing", "length-prefix", "--drain", "1"], model: model)
            // The half of a message, which nobody ends.
            let half = try TCPSocket.connect(to: try Endpoint(parsing: service.address), within: .seconds(60))
            try half.sendAll([0, 0, 0], timeout: .whole(.seconds(240)))
            let local = try half.local
            let idle = try TCPSocket.connect(to: try Endpoint(parsing: service.address), within: .seconds(60))
            let request: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 9, 65]
            try idle.sendAll(request, timeout: .whole(.seconds(240)))
            try idle.expect(String(decoding: request, as: UTF8.self))
            service.program.signal(.terminate)
            let (end, _, error) = try service.program.end()
            #expect(end == .exited(code: 1))
            #expect(error.contains("whose handlers are cancelled\n"), "\(error)")
            let line = error.split(separator: "\n").first { $0.contains("#1 \(local) was ") }
            #expect(line?.hasSuffix(", 3 bytes unread, its handler waited for the peer to send") == true, "\(error)")
            half.close()
            idle.close()
        }
    }
}
