import BerthSystem
import TestSupport
import Testing

@testable import BerthSockets

/// The kernel's rules of bind, which the reuse policies rest on. Each test has a network of its own.
@Suite("The kernel's rules of bind", .enabled(if: PrivateNetwork.isAvailable))
struct BindRuleTests {
    /// A socket bound with the options of the table, and perhaps listening.
    private static func bound(
        _ address: SocketAddress, _ flags: [ReusePolicy.Flag], listening: Bool = false
    ) throws(Errno) -> Descriptor {
        let socket = try Kernel.openStreamSocket(family: address.family, nonBlocking: false)
        let on = Int32(1)
        if flags.contains(.reuseAddress) {
            try Kernel.setOption(socket.rawValue, level: 1, name: 2, to: on)
        }
        if flags.contains(.reusePort) {
            try Kernel.setOption(socket.rawValue, level: 1, name: 15, to: on)
        }
        try Kernel.bind(socket.rawValue, to: try address.raw)
        if listening { try Kernel.listen(socket.rawValue, backlog: 5) }
        return socket
    }

    private static func boundUnlessInUse(
        _ address: SocketAddress, _ flags: [ReusePolicy.Flag]
    ) throws(Errno) -> Descriptor? {
        do { return try bound(address, flags) } catch .addressInUse { return nil }
    }

    /// What happens to B when A is there: `ok`, or which call fails with EADDRINUSE.
    enum Verdict: Sendable { case ok, bindFails, listenFails }

    private static func verdict(
        _ a: SocketAddress, _ aFlags: [ReusePolicy.Flag], listening: Bool, _ b: SocketAddress,
        _ bFlags: [ReusePolicy.Flag]
    ) throws -> Verdict {
        let first = try bound(a, aFlags)
        if listening { try Kernel.listen(first.rawValue, backlog: 5) }
        guard let second = try boundUnlessInUse(b, bFlags) else { return .bindFails }
        if !listening { try Kernel.listen(first.rawValue, backlog: 5) }
        do throws(Errno) { try Kernel.listen(second.rawValue, backlog: 5) } catch {
            if error == .addressInUse { return .listenFails }
            throw error
        }
        return .ok
    }

    static let one = SocketAddress.ipv4(IPv4Address(127, 0, 0, 1), port: 4000)
    static let two = SocketAddress.ipv4(IPv4Address(127, 0, 0, 2), port: 4000)
    static let all = SocketAddress.ipv4(.any, port: 4000)
    static let allSix = SocketAddress.ipv6(.any, port: 4000)

    @Test(
        "the table: overlapping addresses need SO_REUSEADDR on both and no listener, or SO_REUSEPORT on both",
        arguments: [
            // A, flags, listening, B, flags
            (one, [], false, one, [], .bindFails), (one, [.reuseAddress], false, one, [], .bindFails),
            (one, [], false, one, [.reuseAddress], .bindFails),
            (one, [.reuseAddress], false, one, [.reuseAddress], .listenFails),
            (one, [.reuseAddress], true, one, [.reuseAddress], .bindFails),
            (one, [.reusePort], true, one, [.reusePort], .ok), (one, [.reusePort], true, one, [], .bindFails),
            (one, [], true, one, [.reusePort], .bindFails),
            (one, [.reuseAddress, .reusePort], true, one, [.reuseAddress, .reusePort], .ok),
            (one, [], true, two, [], .ok), (two, [.reuseAddress], true, one, [.reusePort], .ok),
            (all, [], true, one, [], .bindFails), (one, [], true, all, [], .bindFails),
            (all, [.reuseAddress], false, one, [.reuseAddress], .listenFails),
            (all, [.reuseAddress], true, one, [.reuseAddress], .bindFails),
            (all, [.reusePort], true, one, [.reusePort], .ok),
            (all, [], false, all, [], .bindFails), (all, [.reuseAddress], false, all, [.reuseAddress], .listenFails),
            (all, [.reuseAddress], true, all, [.reuseAddress], .bindFails),
            (all, [.reusePort], true, all, [.reusePort], .ok),
            // [::] is dual-stack here, and then it overlaps IPv4.
            (allSix, [], true, one, [], .bindFails), (one, [], true, allSix, [], .bindFails),
            (allSix, [.reusePort], true, all, [.reusePort], .ok),
        ] as [(SocketAddress, [ReusePolicy.Flag], Bool, SocketAddress, [ReusePolicy.Flag], Verdict)])
    func table(
        _ a: SocketAddress, _ aFlags: [ReusePolicy.Flag], _ listening: Bool, _ b: SocketAddress,
        _ bFlags: [ReusePolicy.Flag], _ expected: Verdict
    ) async throws {
        let found = try await inPrivateNetwork { try Self.verdict(a, aFlags, listening: listening, b, bFlags) }
        #expect(found == expected)
    }

    /// Ends a server with one connection in TIME_WAIT on its side; returns the address.
    private static func leaveTimeWait(_ policy: ReusePolicy) throws -> Endpoint {
        let listener = try TCPListener.listen(on: "127.0.0.1:0", reuse: policy)
        let client = try TCPSocket.connect(to: listener.address)
        let server = try listener.accept()
        server.close()
        client.close()
        return Endpoint(listener.address)
    }

    private static func failureOfListening(on endpoint: Endpoint, reuse: ReusePolicy) -> SocketError? {
        do throws(SocketError) {
            _ = try onceNoForkHoldsIt { () throws(SocketError) in try TCPListener.listen(on: endpoint, reuse: reuse) }
        } catch { return error }
        return nil
    }

    @Test(
        "a restart over TIME_WAIT binds under every policy that both runs had, but not when one was exclusive",
        arguments: [
            (ReusePolicy.exclusive, ReusePolicy.exclusive, false), (.exclusive, .afterTimeWait, false),
            (.afterTimeWait, .exclusive, false), (.afterTimeWait, .afterTimeWait, true),
            (.afterTimeWait, .shared, true),
            (.shared, .afterTimeWait, true), (.shared, .shared, true),
        ])
    func restart(_ before: ReusePolicy, _ after: ReusePolicy, _ binds: Bool) async throws {
        let error: SocketError? = try await inPrivateNetwork {
            let endpoint = try Self.leaveTimeWait(before)
            return Self.failureOfListening(on: endpoint, reuse: after)
        }
        #expect(error?.errno == (binds ? nil : .addressInUse))
        #expect(error == nil || error?.operation == .bind)
    }

    @Test("when the client closes first nothing is left, and even an exclusive restart binds")
    func clientFirst() async throws {
        try await inPrivateNetwork {
            let listener = try TCPListener.listen(on: "127.0.0.1:0", reuse: .exclusive)
            let endpoint = Endpoint(listener.address)
            let client = try TCPSocket.connect(to: listener.address)
            let server = try listener.accept()
            client.close()
            server.close()
            listener.close()
            #expect(Self.failureOfListening(on: endpoint, reuse: .exclusive) == nil)
        }
    }

    @Test("a live connection of the last run does not keep an after-time-wait server from binding")
    func liveConnection() async throws {
        try await inPrivateNetwork {
            let listener = try TCPListener.listen(on: "127.0.0.1:0")
            let endpoint = Endpoint(listener.address)
            let client = try TCPSocket.connect(to: listener.address)
            let server = try listener.accept()
            listener.close()
            let again = try onceNoForkHoldsIt { () throws(SocketError) in try TCPListener.listen(on: endpoint) }
            #expect(throws: SocketError.self) { _ = try TCPListener.listen(on: endpoint) }
            again.close()
            server.close()
            client.close()
        }
    }

    @Test("a shared port spreads connections, and an exclusive or after-time-wait second copy is refused")
    func shared() async throws {
        try await inPrivateNetwork {
            let first = try TCPListener.listen(on: "127.0.0.1:0", reuse: .shared)
            let second = try TCPListener.listen(on: Endpoint(first.address), reuse: .shared)
            #expect(throws: SocketError.self) { _ = try TCPListener.listen(on: Endpoint(first.address)) }
            let clients = try (0..<64).map { _ in HeldSocket(try TCPSocket.connect(to: first.address)) }
            #expect(clients.count == 64)
            let waiting = try (first.acceptQueue.waiting, second.acceptQueue.waiting)
            #expect(waiting.0 + waiting.1 == 64)
            #expect(waiting.0 > 0 && waiting.1 > 0)
        }
    }

    @Test("[::] without dual stack and 0.0.0.0 do not meet; with it they do")
    func overlap() async throws {
        try await inPrivateNetwork {
            let six = try TCPListener.listen(on: "[::]:4000", dualStack: false)
            let four = try TCPListener.listen(on: "0.0.0.0:4000")
            let both = #expect(throws: SocketError.self) { _ = try TCPListener.listen(on: "[::]:4000") }
            #expect(both?.errno == .addressInUse)
            six.close()
            let stillBoth = #expect(throws: SocketError.self) { _ = try TCPListener.listen(on: ":4000") }
            #expect(stillBoth?.errno == .addressInUse)
            four.close()
            _ = try onceNoForkHoldsIt { () throws(SocketError) in try TCPListener.listen(on: ":4000") }
        }
    }
}
