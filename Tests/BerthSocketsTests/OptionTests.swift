import BerthFraming
import BerthSystem
import TestSupport
import Testing

@testable import BerthSockets

@Suite("Reuse policies")
struct ReusePolicyTests {
    @Test(
        "each policy has the same meaning on every system",
        arguments: [
            (ReusePolicy.exclusive, ReusePolicy.Platform.linux, []), (.exclusive, .bsd, []),
            (.exclusive, .windows, [.exclusiveAddressUse]),
            (.afterTimeWait, .linux, [.reuseAddress]), (.afterTimeWait, .bsd, [.reuseAddress]),
            (.afterTimeWait, .windows, []),  // never SO_REUSEADDR there: it takes addresses from live listeners
            (.shared, .linux, [.reuseAddress, .reusePort]), (.shared, .bsd, [.reuseAddress, .reusePort]),
            (.shared, .windows, nil),
        ] as [(ReusePolicy, ReusePolicy.Platform, [ReusePolicy.Flag]?)])
    func table(_ policy: ReusePolicy, _ platform: ReusePolicy.Platform, _ flags: [ReusePolicy.Flag]?) {
        #expect(policy.flags(on: platform) == flags)
    }

    @Test("a listener has exactly the options of its policy", arguments: ReusePolicy.allCases)
    func onLinux(_ policy: ReusePolicy) throws {
        let listener = try TCPListener.listen(on: "127.0.0.1:0", reuse: policy)
        #expect(try listener.option(.reuseAddress) == (policy != .exclusive))
        #expect(try listener.option(.reusePort) == (policy == .shared))
    }
}

@Suite("Socket options")
struct OptionTests {

    @Test("what is set can be read back")
    func roundTrip() throws {
        let listener = try TCPListener.listen(on: "127.0.0.1:0")
        let socket = try TCPSocket.connect(to: listener.address, options: .kernel)
        #expect(try socket.option(.noDelay) == false)
        try socket.set(.noDelay, to: true)
        #expect(try socket.option(.noDelay))
        try socket.set(.keepAlive, to: true)
        try socket.set(.keepAliveIdle, to: .milliseconds(1500))
        try socket.set(.keepAliveInterval, to: .seconds(7))
        try socket.set(.keepAliveCount, to: 3)
        #expect(try socket.option(.keepAlive))
        #expect(try socket.option(.keepAliveIdle) == .seconds(2))  // rounded up, never to zero
        #expect(try socket.option(.keepAliveInterval) == .seconds(7))
        #expect(try socket.option(.keepAliveCount) == 3)
        try socket.set(.userTimeout, to: .milliseconds(1234))
        #expect(try socket.option(.userTimeout) == .milliseconds(1234))
        #expect(try socket.option(.linger) == nil)
        try socket.set(.linger, to: .seconds(5))
        #expect(try socket.option(.linger) == .seconds(5))
        try socket.set(.linger, to: nil)
        #expect(try socket.option(.linger) == nil)
        try socket.set(.sendBuffer, to: .kibibytes(64))
        #expect(try socket.option(.sendBuffer) == .kibibytes(128))  // the kernel doubles it
        try socket.set(.receiveBuffer, to: .kibibytes(64))
        #expect(try socket.option(.receiveBuffer) == .kibibytes(128))
        try socket.set(.notSentLowWater, to: .kibibytes(16))
        #expect(try socket.option(.notSentLowWater) == .kibibytes(16))
        try socket.set(.quickAck, to: false)
        #expect(try !socket.option(.quickAck))
        try socket.set(.congestionControl, to: "reno")
        #expect(try socket.option(.congestionControl) == "reno")
        #expect(try socket.option(.incomingCPU) >= -1)
        try listener.set(.deferAccept, to: .seconds(3))
        #expect(try listener.option(.deferAccept) >= .seconds(3))
        try listener.set(.fastOpen, to: 5)
        #expect(try listener.option(.fastOpen) == 5)
    }

    @Test("an error names the option, the value and what is allowed")
    func errors() throws {
        let listener = try TCPListener.listen(on: "127.0.0.1:0")
        let congestion = #expect(throws: SocketError.self) { try listener.set(.congestionControl, to: "xyz") }
        #expect(congestion?.operation == .option("TCP_CONGESTION"))
        let allowed = try Kernel.contents(of: "/proc/sys/net/ipv4/tcp_allowed_congestion_control")
        let names = String(decoding: allowed, as: UTF8.self).split(whereSeparator: \.isWhitespace).joined(
            separator: ", ")
        #expect(
            congestion?.description
                == "cannot use the option TCP_CONGESTION on \(listener.address): it does not take \"xyz\": "
                + "there is no such file or directory (ENOENT); "
                + "allowed here: \(names) (net.ipv4.tcp_allowed_congestion_control)")
        let idle = #expect(throws: SocketError.self) { try listener.set(.keepAliveIdle, to: .seconds(40000)) }
        #expect(
            idle?.description
                == "cannot use the option TCP_KEEPIDLE on \(listener.address): it does not take 40000 s: "
                + "an argument is invalid (EINVAL)")
        let unix = try TCPListener.listen(on: Endpoint(.abstract(name: Array("berth-\(Kernel.threadID)-opt".utf8))))
        let wrongKind = #expect(throws: SocketError.self) { _ = try unix.option(.noDelay) }
        #expect(wrongKind?.hint == "only TCP sockets have it")
        #expect(throws: SocketError.self) { _ = try unix.acceptQueue }
    }

    private static var every: SocketOptions {
        var options = SocketOptions.default
        options.keepAlive = KeepAlive(idle: .seconds(33), interval: .seconds(4), count: 5)
        options.userTimeout = .seconds(17)
        options.linger = .seconds(3)
        options.sendBuffer = .kibibytes(64)
        options.receiveBuffer = .kibibytes(32)
        options.notSentLowWater = .kibibytes(8)
        options.congestionControl = "reno"
        options.quickAck = false
        return options
    }

    private func check(_ socket: borrowing TCPSocket) throws {
        #expect(try socket.option(.noDelay))
        #expect(try socket.option(.keepAlive))
        #expect(try socket.option(.keepAliveIdle) == .seconds(33))
        #expect(try socket.option(.keepAliveInterval) == .seconds(4))
        #expect(try socket.option(.keepAliveCount) == 5)
        #expect(try socket.option(.userTimeout) == .seconds(17))
        #expect(try socket.option(.linger) == .seconds(3))
        #expect(try socket.option(.sendBuffer) == .kibibytes(128))
        #expect(try socket.option(.receiveBuffer) == .kibibytes(64))
        #expect(try socket.option(.notSentLowWater) == .kibibytes(8))
        #expect(try socket.option(.congestionControl) == "reno")
        #expect(try !socket.option(.quickAck))
    }

    @Test(
        "accepted sockets have every option of their listener, without a system call each",
        arguments: ["127.0.0.1:0", "[::]:0"])
    func inherited(_ place: String) throws {
        let listener = try TCPListener.listen(on: Endpoint(parsing: place), options: Self.every)
        let client = try TCPSocket.connect(
            to: Endpoint.loopback(port: try #require(listener.address.port)), options: Self.every)
        let server = try listener.accept()
        try check(server)
        try check(client)
        // Only what is a state of the connection has to be set again.
        #expect(listener.afterAccept.map(\.description) == ["TCP_QUICKACK off"])
        #expect(SocketOptions.default.settings(at: .accepted, for: listener.address).isEmpty)
    }

    @Test("the defaults are no-delay, keep-alive and 30 s for unacknowledged data")
    func defaults() {
        let address = SocketAddress.ipv4(.loopback, port: 1)
        #expect(
            SocketOptions.default.settings(at: .listening, for: address).map(\.description) == [
                "TCP_NODELAY on", "SO_KEEPALIVE on", "TCP_KEEPIDLE 60 s", "TCP_KEEPINTVL 10 s", "TCP_KEEPCNT 6",
                "TCP_USER_TIMEOUT 30 s",
            ])
        #expect(SocketOptions.kernel.settings(at: .listening, for: address).isEmpty)
    }

    @Test("Unix sockets are spared the options of TCP, and accepted ones get their buffers")
    func unix() throws {
        let address = SocketAddress.abstract(name: Array("berth-\(Kernel.threadID)-unix".utf8))
        #expect(
            Self.every.settings(at: .listening, for: address).map(\.description) == [
                "SO_SNDBUF 64 KiB", "SO_RCVBUF 32 KiB",
            ])
        let listener = try TCPListener.listen(on: Endpoint(address), options: Self.every)
        _ = try TCPSocket.connect(to: address, options: Self.every)
        #expect(try listener.accept().option(.sendBuffer) == .kibibytes(128))
    }

    @Test("options of listeners and of connections are kept apart")
    func stages() {
        var options = SocketOptions.kernel
        options.deferAccept = .seconds(2)
        options.fastOpen = 9
        options.incomingCPU = 0
        options.fastOpenConnect = true
        let address = SocketAddress.ipv6(.loopback, port: 1)
        #expect(
            options.settings(at: .listening, for: address).map(\.description) == [
                "TCP_DEFER_ACCEPT 2 s", "TCP_FASTOPEN 9", "SO_INCOMING_CPU 0",
            ])
        #expect(options.settings(at: .connecting, for: address).map(\.description) == ["TCP_FASTOPEN_CONNECT on"])
        #expect(options.settings(at: .accepted, for: address).isEmpty)
    }

    @Test("TCP_INFO of a connection tells its state and its bytes")
    func info() throws {
        let listener = try TCPListener.listen(on: "127.0.0.1:0")
        let client = try TCPSocket.connect(to: listener.address)
        let server = try listener.accept()
        _ = try unsafe Array("hello".utf8).withUnsafeBytes { try unsafe Kernel.send(client.fileDescriptor, $0) }
        var entry = [PollEntry(server.fileDescriptor, .readable)]
        _ = try Kernel.poll(&entry, until: .after(.seconds(240)))
        let info = try server.tcpInfo
        #expect(info.state == .established && info.state.description == "ESTABLISHED")
        #expect(info.bytesReceived == ByteCount(5))
        #expect(info.congestionWindow > 0 && info.retransmissions == 0)
        #expect(try client.tcpInfo.bytesSent == ByteCount(5))
        client.close()
        entry = [PollEntry(server.fileDescriptor, .peerFinished)]
        _ = try Kernel.poll(&entry, until: .after(.seconds(240)))
        #expect(try server.tcpInfo.state == .closeWait)
    }
}
