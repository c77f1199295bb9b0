import BerthFraming
import BerthSystem
import TestSupport
import Testing

@testable import BerthSockets

@Suite("Connecting")
struct ConnectTests {
    @Test("a connection is in blocking mode, and both ends know each other", arguments: ["127.0.0.1:0", "[::1]:0"])
    func connects(_ place: String) throws {
        let listener = try TCPListener.listen(on: Endpoint(parsing: place))
        let client = try TCPSocket.connect(to: listener.address)
        let server = try listener.accept()
        #expect(client.peer == listener.address)
        #expect(try server.peer == client.local)
        #expect(try isBlocking(client.fileDescriptor) && isBlocking(server.fileDescriptor))
    }

    @Test("a refused connection says so at once")
    func refused() throws {
        let nobody = try RefusingPort()
        let address = nobody.address
        let error = #expect(throws: SocketError.self) { _ = try TCPSocket.connect(to: address) }
        #expect(error?.description == "cannot connect to \(address): nobody listens there (ECONNREFUSED)")
        #expect(error?.errno == .connectionRefused && error?.attempts.map(\.failure) == [.connectionRefused])
    }

    @Test("the second address is used when the first refuses, and both are named when both do")
    func secondAddress() throws {
        let listener = try TCPListener.listen(on: "127.0.0.1:0")
        let port = try #require(listener.address.port)
        let endpoint = Endpoint.everywhere(port: port)  // [::1] first, where nobody listens
        let client = try TCPSocket.connect(to: endpoint)
        #expect(client.peer == .ipv4(.loopback, port: port))
        let nobody = try RefusingPort()
        let refusing = try #require(nobody.address.port)
        let error = #expect(throws: SocketError.self) {
            _ = try TCPSocket.connect(to: Endpoint.everywhere(port: refusing))
        }
        #expect(
            error?.description == "cannot connect to *:\(refusing): nobody listens there (ECONNREFUSED); "
                + "tried [::1]:\(refusing) and 127.0.0.1:\(refusing)")
    }

    @Test(
        "a server that does not answer is given up at the deadline, which bounds all addresses together",
        .enabled(if: PrivateNetwork.isAvailable))
    func blackHole() async throws {
        try await inPrivateNetwork {
            // A full accept queue drops the SYN silently: backlog 0 holds one connection.
            let listener = try TCPListener.listen(on: "[::]:0", backlog: 0)
            let port = listener.address.port ?? 0
            let filler = try TCPSocket.connect(to: Endpoint.loopback(port: port))
            let start = MonotonicTime.now
            let error = #expect(throws: SocketError.self) {
                _ = try TCPSocket.connect(to: .everywhere(port: port), within: .seconds(2))
            }
            let took = MonotonicTime.now.duration(since: start)
            #expect(took >= .seconds(2) && took < .milliseconds(3900))
            #expect(error?.isDeadline == true)
            #expect(error?.attempts.map(\.failure) == [nil, nil])
            #expect(error?.attempts.map(\.address.description) == ["[::1]:\(port)", "127.0.0.1:\(port)"])
            #expect(
                error?.description.hasPrefix(
                    "cannot connect to *:\(port): no connection within 2 s; tried [::1]:\(port): no answer within ")
                    == true)
            _ = consume filler
            _ = consume listener
        }
    }

    @Test(
        "a silent first address does not keep the second one waiting longer than 250 ms",
        .enabled(if: PrivateNetwork.isAvailable))
    func silentFirst() async throws {
        try await inPrivateNetwork {
            let silent = try TCPListener.listen(on: "[::1]:0", backlog: 0)
            let port = silent.address.port ?? 0
            let filler = try TCPSocket.connect(to: silent.address)
            let good = try TCPListener.listen(on: Endpoint.loopback(port: port))
            let start = MonotonicTime.now
            let client = try TCPSocket.connect(to: .everywhere(port: port), within: .seconds(5))
            let took = MonotonicTime.now.duration(since: start)
            #expect(client.peer == good.address)
            #expect(took >= .milliseconds(250) && took < .seconds(4))
            _ = consume filler
        }
    }

    @Test("a local address is used, with a port of the kernel's or one's own")
    func localAddress() throws {
        let listener = try TCPListener.listen(on: "127.0.0.1:0")
        let local = SocketAddress.ipv4(IPv4Address(127, 0, 0, 7), port: 0)
        let client = try TCPSocket.connect(to: listener.address, from: local)
        #expect(try client.option(.bindAddressNoPort))
        let used = try client.local
        #expect(used.withPort(0) == local && used.port != 0)
        // The server ends it first, so that the port stays free here for the next one.
        try listener.accept().close()
        client.close()
        // Meanwhile the port may be somebody else's for a moment.
        let again = try onceNoForkHoldsIt(within: .seconds(240)) { () throws(SocketError) in
            try TCPSocket.connect(to: listener.address, from: used)
        }
        #expect(try again.local == used)
        #expect(try again.option(.reuseAddress))
    }

    @Test("the family of the local address decides which addresses are tried")
    func localFamily() throws {
        let listener = try TCPListener.listen(on: "127.0.0.1:0")
        let port = try #require(listener.address.port)
        let client = try TCPSocket.connect(to: .everywhere(port: port), from: .ipv4(.loopback, port: 0))
        #expect(client.peer == listener.address)
        let error = #expect(throws: SocketError.self) {
            _ = try TCPSocket.connect(to: listener.address, from: .ipv6(.loopback, port: 0))
        }
        #expect(
            error?.description
                == "cannot resolve 127.0.0.1:\(port): it has no IPv6 address; the local address is [::1]:0")
    }

    @Test("IPv6 connections may leave the choice of the local port to connect, too")
    func localIPv6() throws {
        let listener = try TCPListener.listen(on: "[::1]:0")
        let client = try TCPSocket.connect(to: listener.address, from: .ipv6(.loopback, port: 0))
        #expect(try client.option(.bindAddressNoPort))
    }

    @Test("a local address of another machine is a bind error")
    func foreignLocal() throws {
        let listener = try TCPListener.listen(on: "127.0.0.1:0")
        let error = #expect(throws: SocketError.self) {
            _ = try TCPSocket.connect(to: listener.address, from: .ipv4(IPv4Address(192, 0, 2, 9), port: 0))
        }
        #expect(
            error?.description
                == "cannot bind 192.0.2.9:0: the address is not one of this machine's, or no local port is left "
                + "(EADDRNOTAVAIL); no interface of this machine has it; `ip address` lists them")
    }

    @Test("a connection that meets itself is refused", .enabled(if: PrivateNetwork.isAvailable))
    func selfConnect() async throws {
        try await inPrivateNetwork {
            let address = SocketAddress.ipv4(.loopback, port: 40_000)
            let error = #expect(throws: SocketError.self) { _ = try TCPSocket.connect(to: address, from: address) }
            #expect(error?.errno == .connectionRefused)
            // Nothing is left behind that would hold the port, even for one who must be alone.
            _ = try TCPListener.listen(on: Endpoint(address), reuse: .exclusive)
        }
    }

    @Test("the non-blocking twin is pending until the kernel is done")
    func nonBlocking() throws {
        let listener = try TCPListener.listen(on: "127.0.0.1:0")
        let connecting = try TCPSocket.startConnecting(to: listener.address)
        var entries = [PollEntry(connecting.fileDescriptor, .writable)]
        #expect(try Kernel.poll(&entries, until: .after(.seconds(240))) == 1)
        #expect(try connecting.isConnected())
        let socket = try connecting.finishConnecting()
        #expect(try !isBlocking(socket.fileDescriptor))
        #expect(socket.peer == listener.address)
    }

    @Test(
        "the non-blocking twin says that it is not done yet, and that it failed",
        .enabled(if: PrivateNetwork.isAvailable))
    func nonBlockingFailures() async throws {
        try await inPrivateNetwork {
            let listener = try TCPListener.listen(on: "127.0.0.1:0", backlog: 0)
            let address = listener.address
            let filler = try TCPSocket.connect(to: address)
            let pending = try TCPSocket.startConnecting(to: address)
            #expect(try !pending.isConnected())
            do throws(SocketError) {
                _ = try pending.finishConnecting()
                Issue.record("finished before it was connected")
            } catch {
                #expect(error.errno == .wouldBlock)
            }
            _ = consume filler
            let nobody = try RefusingPort()
            let refused = try TCPSocket.startConnecting(to: nobody.address)
            var entries = [PollEntry(refused.fileDescriptor, .writable)]
            _ = try Kernel.poll(&entries, until: .after(.seconds(240)))
            let error = #expect(throws: SocketError.self) { _ = try refused.isConnected() }
            #expect(error?.errno == .connectionRefused)
        }
    }

    @Test("Unix and abstract sockets connect, and their failures are explained")
    func unix() throws {
        try withTemporaryDirectory { directory in
            let path = "\(directory)/s"
            let missing = #expect(throws: SocketError.self) { _ = try TCPSocket.connect(to: .unix(path: path)) }
            #expect(
                missing?.description
                    == "cannot connect to \(path): there is no such file or directory (ENOENT); no server has made this socket"
            )
            let listener = try TCPListener.listen(on: Endpoint(parsing: path))
            let client = try TCPSocket.connect(to: Endpoint(parsing: path))
            #expect(client.peer == .unix(path: path))
            #expect(try listener.accept().peer == .unnamed)
            // Hand the descriptor away, so that the file stays without a server.
            _ = listener.detach()
            let stale = #expect(throws: SocketError.self) { _ = try TCPSocket.connect(to: .unix(path: path)) }
            #expect(
                stale?.description == "cannot connect to \(path): nobody listens there (ECONNREFUSED); "
                    + "the file is there, but the server that made it is gone")
        }
        let name: Endpoint = Endpoint(.abstract(name: Array("berth-test-\(Kernel.threadID)".utf8)))
        let listener = try TCPListener.listen(on: name)
        _ = try TCPSocket.connect(to: name)
        #expect(try listener.accept().peer == .unnamed)
    }

    @Test("a full accept queue of a Unix socket is waited for until the deadline")
    func unixFull() async throws {
        try await onThread {
            let name = SocketAddress.abstract(name: Array("berth-full-\(Kernel.threadID)".utf8))
            let listener = try TCPListener.listen(on: Endpoint(name), backlog: 0)
            let filler = try TCPSocket.connect(to: name)
            let error = #expect(throws: SocketError.self) {
                _ = try TCPSocket.connect(to: name, within: .milliseconds(50))
            }
            #expect(error?.isDeadline == true)
            let early = #expect(throws: SocketError.self) { _ = try TCPSocket.startConnecting(to: name) }
            #expect(early?.errno == .wouldBlock)
            #expect(early?.hint == "the server's accept queue is full")
            _ = try listener.accept()
            _ = consume filler
        }
    }

    #if BERTH_FAULTS
    @Test("a kernel without IPv6 is one failed address, a process without descriptors fails the whole")
    func openFailures() throws {
        let listener = try TCPListener.listen(on: "127.0.0.1:0")
        let port = try #require(listener.address.port)
        try SyscallFaults.onThisThread(.socket, .fail(.addressFamilyNotSupported)) {
            let client = try TCPSocket.connect(to: .everywhere(port: port))
            #expect(client.peer == listener.address)
        }
        SyscallFaults.onThisThread(.socket, .fail(.tooManyOpenFiles)) {
            let error = #expect(throws: SocketError.self) { _ = try TCPSocket.connect(to: .everywhere(port: port)) }
            #expect(
                error?.description
                    == "cannot open a socket for [::1]:\(port): this process is out of descriptors (EMFILE)")
        }
        SyscallFaults.onThisThread(.connect, times: 1, .fail(.networkUnreachable)) {
            let error = #expect(throws: SocketError.self) { _ = try TCPSocket.connect(to: listener.address) }
            #expect(error?.errno == .networkUnreachable)
        }
    }
    #endif
}

/// Whether a descriptor is in blocking mode: receiving with nothing there must not be tried, so the flag is read.
func isBlocking(_ fd: Int32) throws -> Bool {
    let flags = try Kernel.contents(of: "/proc/self/fdinfo/\(fd)")
    let line = String(decoding: flags, as: UTF8.self).split(separator: "\n").first { $0.hasPrefix("flags:") }
    let octal = line?.split(whereSeparator: \.isWhitespace).last.flatMap { Int($0, radix: 8) } ?? 0
    return octal & 0o4000 == 0
}
