import BerthSystem
import TestSupport
import Testing

@testable import BerthSockets

@Suite("Listening")
struct ListenTests {
    @Test("port 0 gives a real port, and the listener is close-on-exec and blocking")
    func portZero() throws {
        let listener = try TCPListener.listen(on: "127.0.0.1:0")
        #expect(listener.address.port != 0)
        #expect(try isBlocking(listener.fileDescriptor))
        let flags = String(
            decoding: try Kernel.contents(of: "/proc/self/fdinfo/\(listener.fileDescriptor)"), as: UTF8.self)
        let octal = try #require(flags.split(whereSeparator: \.isWhitespace).dropFirst(3).first)
        #expect(try #require(Int(octal, radix: 8)) & 0o2000000 != 0)
    }

    @Test(":0 takes IPv6 and IPv4 by one socket, and the accepted address is concrete")
    func dualStack() throws {
        let listener = try TCPListener.listen(on: ":0")
        let port = try #require(listener.address.port)
        #expect(listener.address == .ipv6(.any, port: port))
        #expect(try !listener.option(.v6Only))
        let four = try TCPSocket.connect(to: Endpoint.loopback(port: port))
        let server = try listener.accept()
        #expect(try server.peer.unmapped == four.local)
        #expect(try server.local == .ipv6(IPv6Address(mapping: .loopback), port: port))
        _ = try TCPSocket.connect(to: .ipv6(.loopback, port: port))
    }

    @Test("without dual stack [::] leaves IPv4 to another listener")
    func v6Only() throws {
        let four = try bothFamilies()
        let port = try #require(four.address.port)
        _ = try TCPSocket.connect(to: Endpoint.loopback(port: port))
        #expect(try four.accept(until: .after(.seconds(240))) != nil)
    }

    /// Listens on a port for each family, looking for one that nobody on this machine has for IPv4.
    private func bothFamilies() throws -> TCPListener {
        for _ in 0..<20 {
            if let found = try? bothFamiliesOnce() { return found }
        }
        return try bothFamiliesOnce()
    }

    private func bothFamiliesOnce() throws -> TCPListener {
        let six = try TCPListener.listen(on: "[::]:0", dualStack: false)
        let port = try #require(six.address.port)
        #expect(try six.option(.v6Only))
        let four = try TCPListener.listen(on: Endpoint(.ipv4(.any, port: port)))
        six.close()
        return four
    }

    @Test("a name listens on its IPv4 address, which every client can reach")
    func name() throws {
        #expect(try TCPListener.listen(on: "localhost:0").address.withPort(0) == .ipv4(.loopback, port: 0))
    }

    @Test("an address in use names itself, and a port below 1024 its right")
    func bindErrors() async throws {
        let listener = try TCPListener.listen(on: "127.0.0.1:0")
        let address = listener.address
        let inUse = #expect(throws: SocketError.self) { _ = try TCPListener.listen(on: Endpoint(address)) }
        #expect(inUse?.operation == .bind && inUse?.errno == .addressInUse)
        #expect(
            inUse?.description == "cannot bind \(address): the address is already in use (EADDRINUSE); "
                + "another socket listens there, or a connection of an earlier one is left")
        let foreign = #expect(throws: SocketError.self) { _ = try TCPListener.listen(on: "192.0.2.1:0") }
        #expect(
            foreign?.description
                == "cannot bind 192.0.2.1:0: the address is not one of this machine's, or no local port is left "
                + "(EADDRNOTAVAIL); no interface of this machine has it; `ip address` lists them")
    }

    #if BERTH_FAULTS
    @Test(
        "each call that can fail is told apart",
        arguments: [
            (
                Syscall.socket, Errno.tooManyOpenFiles,
                "cannot open a socket for 127.0.0.1:80: this process is out of descriptors (EMFILE)"
            ),
            (
                .bind, .permissionDenied,
                "cannot bind 127.0.0.1:80: permission is denied (EACCES); ports below 1024 need CAP_NET_BIND_SERVICE"
            ),
            (.bind, .outOfMemory, "cannot bind 127.0.0.1:80: the kernel is out of memory (ENOMEM)"),
            (
                .setOption, .outOfMemory,
                "cannot use the option TCP_NODELAY on 127.0.0.1:80: it does not take on: the kernel is out of memory (ENOMEM)"
            ),
        ] as [(Syscall, Errno, String)])
    func forced(_ call: Syscall, _ errno: Errno, _ text: String) throws {
        try #require(
            Kernel.systemSetting("net/ipv4/ip_unprivileged_port_start") == 1024 || errno != .permissionDenied)
        SyscallFaults.onThisThread(call, .fail(errno)) {
            let error = #expect(throws: SocketError.self) { _ = try TCPListener.listen(on: "127.0.0.1:80") }
            #expect(error?.description == text)
        }
    }

    @Test("an address that is in use only at listen(2) says so")
    func listenInUse() {
        SyscallFaults.onThisThread(.listen, .fail(.addressInUse)) {
            let error = #expect(throws: SocketError.self) { _ = try TCPListener.listen(on: "127.0.0.1:0") }
            #expect(
                error?.description == "cannot listen on 127.0.0.1:0: the address is already in use (EADDRINUSE); "
                    + "another socket began to listen there after this one was bound")
        }
    }

    @Test("without IPv6 :0 listens on IPv4")
    func noIPv6() throws {
        try SyscallFaults.onThisThread(.socket, .fail(.addressFamilyNotSupported)) {
            let listener = try TCPListener.listen(on: ":0")
            #expect(listener.address.withPort(0) == .ipv4(.any, port: 0))
        }
    }
    #endif

    @Test("a duplicate keeps the address taken until both are closed, and the descriptor can be handed on")
    func duplicateAndDetach() throws {
        let first = try TCPListener.listen(on: "127.0.0.1:0")
        let address = first.address
        let second = try first.duplicate()
        first.close()
        #expect(throws: SocketError.self) { _ = try TCPListener.listen(on: Endpoint(address), reuse: .exclusive) }
        let handedOn = try TCPListener.inherited(second.detach())
        #expect(handedOn.address == address && handedOn.backlog.asked == nil && handedOn.backlog.effective > 0)
        let client = try TCPSocket.connect(to: address)
        #expect(try handedOn.accept().peer == client.local)
    }

    @Test("an inherited descriptor has to be a listening socket")
    func inheritedWrong() throws {
        let socket = try Kernel.openStreamSocket(family: SocketAddress.ipv4(.any, port: 0).family, nonBlocking: false)
        let number = socket.rawValue
        do {
            _ = try TCPListener.inherited(socket)
            Issue.record("taken")
        } catch {
            #expect(
                error.description
                    == "cannot listen on descriptor \(number): it is a socket that does not listen (EINVAL)")
        }
        let file = try Kernel.open("/dev/null")
        do {
            _ = try TCPListener.inherited(file)
            Issue.record("taken")
        } catch {
            #expect(error.errno == .notASocket)
        }
    }

    @Test(
        "the backlog that was asked for and the one that is effective are both known",
        .enabled(if: PrivateNetwork.isAvailable))
    func backlog() async throws {
        try await inPrivateNetwork {
            try PrivateNetwork.set("net/core/somaxconn", to: 300)
            let large = try TCPListener.listen(on: "127.0.0.1:0", backlog: 65535)
            #expect(large.backlog == Backlog(asked: 65535, effective: 300))
            #expect(large.backlogNote == "asked for a backlog of 65535, the kernel gave 300 (net.core.somaxconn)")
            let most = try TCPListener.listen(on: "127.0.0.1:0")
            #expect(most.backlog == Backlog(asked: nil, effective: 300) && most.backlogNote == nil)
            let small = try TCPListener.listen(on: "127.0.0.1:0", backlog: 7)
            #expect(small.backlog == Backlog(asked: 7, effective: 7) && small.backlogNote == nil)
            #expect(try TCPListener.listen(on: "127.0.0.1:0", backlog: -3).backlog.effective == 0)
            let unix = try TCPListener.listen(on: "@berth-backlog", backlog: 4000)
            #expect(unix.backlog == Backlog(asked: 4000, effective: 300))
        }
    }

    @Test(
        "the accept queue holds one more than the backlog, and its figures can be read",
        .enabled(if: PrivateNetwork.isAvailable), arguments: [0, 1, 5])
    func acceptQueue(_ backlog: Int) async throws {
        try await inPrivateNetwork {
            let listener = try TCPListener.listen(on: "127.0.0.1:0", backlog: backlog)
            #expect(try listener.acceptQueue == AcceptQueue(waiting: 0, limit: backlog))
            var clients: [HeldSocket] = []
            for number in 1...(backlog + 1) {
                clients.append(HeldSocket(try TCPSocket.connect(to: listener.address, within: .seconds(5))))
                #expect(try listener.acceptQueue.waiting == number)
            }
            #expect(try listener.acceptQueue.isFull)
            let error = #expect(throws: SocketError.self) {
                _ = try TCPSocket.connect(to: listener.address, within: .milliseconds(50))
            }
            #expect(error?.isDeadline == true)
            _ = try listener.accept()
            #expect(try !listener.acceptQueue.isFull)
        }
    }
}

@Suite("Unix listeners")
struct UnixListenerTests {
    private func exists(_ path: String) -> Bool { (try? Kernel.status(of: path, followLinks: false)) != nil }

    @Test("the file goes with the listener, whether it is closed or dropped")
    func removed() throws {
        try withTemporaryDirectory { directory in
            let endpoint = try Endpoint(parsing: "\(directory)/s")
            let first = try TCPListener.listen(on: endpoint)
            #expect(exists("\(directory)/s"))
            first.close()
            #expect(!exists("\(directory)/s"))
            do { _ = try TCPListener.listen(on: endpoint) }
            #expect(!exists("\(directory)/s"))
        }
    }

    @Test("a duplicate keeps the file until it ends too; detaching leaves it")
    func shared() throws {
        try withTemporaryDirectory { directory in
            let first = try TCPListener.listen(on: Endpoint(parsing: "\(directory)/s"))
            let second = try first.duplicate()
            _ = consume first
            #expect(exists("\(directory)/s"))
            let descriptor = second.detach()
            #expect(exists("\(directory)/s"))
            _ = consume descriptor
        }
    }

    @Test("a stale file is replaced, a live socket and a plain file are not")
    func stale() throws {
        try withTemporaryDirectory { directory in
            let path = "\(directory)/s"
            let endpoint = try Endpoint(parsing: path)
            _ = try TCPListener.listen(on: endpoint).detach()
            #expect(exists(path))
            let live = try TCPListener.listen(on: endpoint)
            let error = #expect(throws: SocketError.self) { _ = try TCPListener.listen(on: endpoint) }
            #expect(
                error?.description == "cannot bind \(path): the address is already in use (EADDRINUSE); "
                    + "a server listens on it, or the path is not a socket")
            // Looking whether it is alive has left a connection behind; it is over already.
            #expect(try live.tryAccept() != nil)
            let client = try TCPSocket.connect(to: endpoint)
            #expect(try live.accept().peer == .unnamed)
            client.close()
            live.close()
            _ = try Kernel.open(path, [.write, .create])
            #expect(throws: SocketError.self) { _ = try TCPListener.listen(on: endpoint) }
            #expect(exists(path))
        }
    }

    @Test("the file of a successor is not removed")
    func successor() throws {
        try withTemporaryDirectory { directory in
            let path = "\(directory)/s"
            let first = try TCPListener.listen(on: Endpoint(parsing: path))
            try Kernel.unlink(path)
            let second = try TCPListener.listen(on: Endpoint(parsing: path))
            first.close()
            #expect(exists(path))
            _ = consume second
        }
    }

    @Test("a missing directory is named as the reason")
    func noDirectory() {
        let error = #expect(throws: SocketError.self) { _ = try TCPListener.listen(on: "/nosuch/dir/s") }
        #expect(
            error?.description
                == "cannot bind /nosuch/dir/s: there is no such file or directory (ENOENT); its directory does not exist"
        )
    }
}
