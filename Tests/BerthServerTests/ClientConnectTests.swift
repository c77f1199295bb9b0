import Berth
import BerthSystem
import TestSupport
import Testing

@Suite("Connecting as a client", .timeLimit(.minutes(5)))
struct ClientConnectTests {
    /// What connecting says under a place, and what it says to whoever blocks.
    private func failures(
        _ place: ClientPlace, _ endpoint: Endpoint, within time: Duration? = .seconds(30),
        from local: SocketAddress? = nil
    ) async throws -> (SocketError?, SocketError?) {
        let failure = try await place.run { () -> SocketError? in
            do throws(StreamError) {
                _ = try await Connection.connect(to: endpoint, within: time, from: local)
            } catch {
                if case .socket(let error) = error { return error }
            }
            return nil
        }
        let blocking = try await onOwnThread { () -> SocketError? in
            do throws(SocketError) {
                _ = try TCPSocket.connect(to: endpoint, within: time, from: local)
                return nil
            } catch { return error }
        }
        return (failure, blocking)
    }

    @Test("that is refused says so, in the words of a blocking connect", arguments: ClientPlace.all)
    func refused(place: ClientPlace) async throws {
        let nobody = try RefusingPort()
        let address = nobody.address
        let (failure, blocking) = try await failures(place, Endpoint(address))
        #expect(failure?.description == "cannot connect to \(address): nobody listens there (ECONNREFUSED)")
        #expect(failure?.description == blocking?.description)
        let both = try await failures(place, .everywhere(port: try #require(address.port)))
        #expect(both.0?.description == both.1?.description)
        #expect(both.0?.attempts.count == 2)
        _ = consume nobody
    }

    @Test("to someone who does not answer ends at its deadline, in the same words", arguments: ClientPlace.all)
    func silent(place: ClientPlace) async throws {
        let silent = try SilentPort()
        let address = silent.address
        let (failure, blocking) = try await failures(place, Endpoint(address), within: .milliseconds(50))
        #expect(failure?.description == "cannot connect to \(address): no connection within 50 ms")
        #expect(failure?.description == blocking?.description)
        #expect(failure?.isDeadline == true)
        _ = consume silent
    }

    @Test("fails in the same words whatever is wrong", arguments: ClientPlace.all)
    func otherFailures(place: ClientPlace) async throws {
        let cases: [(Endpoint, SocketAddress?)] = [
            // A broadcast address, which TCP does not connect to.
            ("255.255.255.255:9", nil),
            ("http://example.org", nil),
            ("127.0.0.1:9", .ipv6(.loopback, port: 0)),
            ("127.0.0.1:9", .ipv4(IPv4Address(192, 0, 2, 9), port: 0)),
            ("/there/is/no/such/file", nil),
        ]
        for (endpoint, local) in cases {
            let (failure, blocking) = try await failures(place, endpoint, from: local)
            #expect(failure != nil)
            #expect(failure?.description == blocking?.description)
        }
    }

    @Test("takes the second address when the first refuses", arguments: ClientPlace.all)
    func secondAddress(place: ClientPlace) async throws {
        try await withServer(on: loopback, configuration: .test()) { _ in
        } operation: { server in
            let port = try #require(server.address.port)
            let peer = try await place.run { try await Connection.connect(to: .everywhere(port: port)).peer }
            #expect(peer == server.address)
        }
    }

    @Test("takes the second address when the first is silent", arguments: ClientPlace.all)
    func silentFirst(place: ClientPlace) async throws {
        try await withServer(on: loopback, configuration: .test()) { _ in
        } operation: { server in
            let port = try #require(server.address.port)
            // Somebody else may have this port of the other family.
            guard let silent = try? SilentPort(on: Endpoint(.ipv6(.loopback, port: port))) else { return }
            let start = MonotonicTime.now
            let peer = try await place.run { try await Connection.connect(to: .everywhere(port: port)).peer }
            #expect(peer == server.address)
            #expect(MonotonicTime.now.duration(since: start) >= .milliseconds(250))
            _ = consume silent
        }
    }

    @Test("looks names up", arguments: ClientPlace.all)
    func names(place: ClientPlace) async throws {
        try await withServer(on: loopback, configuration: .test()) { _ in
        } operation: { server in
            let endpoint = try Endpoint(host: "localhost", port: try #require(server.address.port))
            let peer = try await place.run { try await Connection.connect(to: endpoint).peer }
            #expect(peer == server.address)
        }
    }

    @Test("to a Unix socket succeeds at once, and waits for room in its queue", arguments: ClientPlace.all)
    func unix(place: ClientPlace) async throws {
        let address = SocketAddress.abstract(name: Array("berth-client-\(MonotonicTime.now.nanoseconds)".utf8))
        let listener = try TCPListener.listen(on: Endpoint(address), backlog: 0)
        let first = try await place.run { try await Connection.connect(to: address).peer }
        #expect(first == address)
        let (failure, blocking) = try await failures(place, Endpoint(address), within: .milliseconds(50))
        #expect(failure?.isDeadline == true)
        #expect(failure?.description == blocking?.description)
        let isAsking = Monitor(false)
        async let second = place.run {
            isAsking.change { $0 = true }
            return try await Connection.connect(to: address).peer
        }
        _ = try await onOwnThread { isAsking.wait(until: .after(.seconds(240))) { $0 ? true : nil } }
        // Each attempt before may have left something in the queue.
        let descriptor = listener.fileDescriptor
        let accepted = try await acceptAll(listener)
        #expect(try await second == address)
        #expect(accepted > 0 && descriptor >= 0)
    }

    private func acceptAll(_ listener: consuming TCPListener) async throws -> Int {
        let listener = SharedListener(listener)
        return try await onOwnThread {
            var count = 0
            while count < 2, try listener.accept() { count += 1 }
            return count
        }
    }

    /// Keeps what it accepts.
    private final class SharedListener: Sendable {
        private let listener: TCPListener
        private let accepted = Monitor<[DescriptorKeeper]>([])
        init(_ listener: consuming TCPListener) { self.listener = listener }
        func accept() throws -> Bool {
            let keeper = DescriptorKeeper(try listener.accept())
            accepted.change { $0.append(keeper) }
            return true
        }
    }

    private final class DescriptorKeeper: Sendable {
        let socket: TCPSocket
        init(_ socket: consuming TCPSocket) { self.socket = socket }
    }

    @Test("sets options before, and uses a local address", arguments: ClientPlace.all)
    func options(place: ClientPlace) async throws {
        try await withServer(on: loopback, configuration: .test()) { connection in
            try await connection.write("\(connection.peer)")
        } operation: { server in
            let address = server.address
            let local = SocketAddress.ipv4(IPv4Address(127, 0, 0, 9), port: 0)
            let (own, seen) = try await place.run {
                let client = try await Connection.connect(to: address, from: local)
                let seen = String(decoding: try await client.readToEnd(), as: UTF8.self)
                return ("\(client.local)", seen)
            }
            #expect(own == seen)
            #expect(own.hasPrefix("127.0.0.9:"))
        }
    }
}
