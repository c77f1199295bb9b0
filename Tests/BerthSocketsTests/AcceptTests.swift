import BerthSystem
import Synchronization
import TestSupport
import Testing

@testable import BerthSockets

@Suite("Accepting")
struct AcceptTests {
    @Test("accept() returns what waits, and is woken by what comes")
    func blocking() async throws {
        try await onThread {
            let listener = try TCPListener.listen(on: "127.0.0.1:0")
            let address = listener.address
            let peers = Monitor<[SocketAddress]>([])
            let count = 8
            let shared = SharedListener(listener)
            for _ in 0..<count {
                try Thread.start(name: "acceptor") {
                    guard let socket = try? shared.listener.accept() else { return }
                    peers.change { $0.append(socket.peer) }
                }
            }
            for _ in 0..<count { _ = try TCPSocket.connect(to: address) }
            #expect(peers.wait(until: .after(.seconds(240))) { $0.count == count ? true : nil } == true)
        }
    }

    @Test("accept(until:) returns nil at the deadline, and accept() still waits afterwards")
    func deadline() async throws {
        try await onThread {
            let listener = try TCPListener.listen(on: "127.0.0.1:0")
            let start = MonotonicTime.now
            #expect(try listener.accept(until: .after(.milliseconds(30))) == nil)
            #expect(MonotonicTime.now.duration(since: start) >= .milliseconds(30))
            #expect(try listener.tryAccept() == nil)
            let address = listener.address
            let got = Monitor(false)
            let shared = SharedListener(listener)
            try Thread.start(name: "acceptor") {
                if (try? shared.listener.accept()) != nil { got.change { $0 = true } }
            }
            let client = try TCPSocket.connect(to: address)
            #expect(got.wait(until: .after(.seconds(240))) { $0 ? true : nil } == true)
            _ = consume client
        }
    }

    @Test("tryAccept gives a connection in the mode that is asked for", arguments: [false, true])
    func tryAccept(_ nonBlocking: Bool) throws {
        let listener = try TCPListener.listen(on: "127.0.0.1:0")
        #expect(try listener.tryAccept() == nil)
        let client = try TCPSocket.connect(to: listener.address)
        guard let server = try listener.tryAccept(nonBlocking: nonBlocking) else {
            Issue.record("nothing waits")
            return
        }
        #expect(try isBlocking(server.fileDescriptor) == !nonBlocking)
        #expect(try server.peer == client.local)
    }

    @Test("a connection that was reset while it waited is accepted all the same")
    func resetInQueue() throws {
        let listener = try TCPListener.listen(on: "127.0.0.1:0")
        let client = try TCPSocket.connect(to: listener.address)
        let local = try client.local
        client.abort()
        let server = try listener.accept()
        #expect(server.peer == local)
        #expect(throws: Errno.notConnected) { try Kernel.peerAddress(server.fileDescriptor) }
    }

    @Test(
        "stopListening wakes blocked accepts, which say that the listener was shut down",
        arguments: ["127.0.0.1:0", "@berth-accept-test"], [false, true])
    func stop(address: String, inNonBlockingMode: Bool) async throws {
        try await onThread {
            let name = address.hasPrefix("@") ? "\(address)-\(inNonBlockingMode)-\(Kernel.processID)" : address
            let shared = SharedListener(try TCPListener.listen(on: Endpoint(stringLiteral: name)))
            if inNonBlockingMode { #expect(try shared.listener.tryAccept() == nil) }
            let outcome = Monitor<SocketError?>(nil)
            try Thread.start(name: "acceptor") {
                do throws(SocketError) { _ = try shared.listener.accept() } catch { outcome.change { $0 = error } }
            }
            try shared.listener.stopListening()
            let error = outcome.wait(until: .after(.seconds(240))) { $0 }
            #expect(
                error?.description == "cannot accept a connection on \(shared.listener.address): "
                    + "an argument is invalid (EINVAL); the listener was shut down")
        }
    }

    @Test(
        "every error of accept(2) is retried, waited for, or final",
        arguments: [
            (.retry, [11, 4, 103, 71, 104, 110, 100, 92, 112, 64, 113, 101]),
            (.backOff, [24, 23, 105, 12, 63, 1, 13, 95, 94, 93, 512, 4711]),
            (.stop, [9, 88, 22, 14]),
        ] as [(AcceptErrorPolicy.Action, [Int32])])
    func policy(_ action: AcceptErrorPolicy.Action, _ numbers: [Int32]) {
        for number in numbers {
            #expect(AcceptErrorPolicy.action(for: Errno(rawValue: number)) == action, "\(Errno(rawValue: number))")
        }
        // Nothing else is in the table, and nothing twice.
        let known = AcceptErrorPolicy.table.filter { $0.action == action }.map(\.errno.rawValue)
        #expect(known.sorted() == numbers.filter { $0 != 4711 }.sorted())
    }

    @Test("the page on them says what is done")
    func page() throws {
        let path = #filePath.split(separator: "/").dropLast(3).reduce("") { "\($0)/\($1)" } + "/docs/accept-errors.md"
        let page = String(decoding: try Kernel.contents(of: path), as: UTF8.self)
        let rows = AcceptErrorPolicy.table.map { "| \($0.name) | \($0.action.rawValue) | \($0.reason) |" }
        #expect(page.split(separator: "\n").filter { $0.hasPrefix("| ") }.dropFirst(2).map(String.init) == rows)
    }

    #if BERTH_FAULTS
    @Test(
        "an error of one connection is passed over",
        arguments: [
            Errno.connectionAborted, .protocolError, .networkDown, .hostUnreachable, .interrupted,
        ])
    func passedOver(_ errno: Errno) throws {
        let listener = try TCPListener.listen(on: "127.0.0.1:0")
        let client = try TCPSocket.connect(to: listener.address)
        let server = try SyscallFaults.onThisThread(.accept, times: 3, .fail(errno)) { () throws(SocketError) in
            try listener.accept().peer
        }
        #expect(try server == client.local)
    }

    @Test("running out of descriptors is reported, and the connection stays in the queue")
    func outOfDescriptors() throws {
        let listener = try TCPListener.listen(on: "127.0.0.1:0")
        let client = try TCPSocket.connect(to: listener.address)
        SyscallFaults.onThisThread(.accept, .fail(.tooManyOpenFiles)) {
            let error = #expect(throws: SocketError.self) { _ = try listener.accept() }
            #expect(
                error?.description == "cannot accept a connection on \(listener.address): "
                    + "this process is out of descriptors (EMFILE); "
                    + "raise the limit of descriptors (`ulimit -n`) or lower that of connections")
        }
        #expect(try listener.accept().peer == client.local)
    }
    #endif
}

/// A listener that several threads use at the same time.
final class SharedListener: Sendable {
    let listener: TCPListener
    init(_ listener: consuming TCPListener) { self.listener = listener }
}
