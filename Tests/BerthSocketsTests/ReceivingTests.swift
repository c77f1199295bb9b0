import BerthFraming
import BerthSystem
import Testing

@testable import BerthSockets

@Suite("Receiving")
struct ReceivingTests {
    @Test("what has arrived is received, at most as much as was asked for, and then the peer's FIN")
    func receives() async throws {
        try await onThread {
            let pair = try Pair()
            try pair.client.sendAll("hello")
            try pair.client.shutdown(.writing)
            #expect(try pair.server.receive(upTo: 2) == Array("he".utf8))
            var queue = ByteQueue()
            queue.append("x")
            #expect(try pair.server.receive(into: &queue, upTo: 100) == 3)
            #expect(queue.withUnsafeBytes { Array($0) } == Array("xllo".utf8))
            #expect(try pair.server.receive(upTo: 2, within: .seconds(5)) == [])
            #expect(try pair.server.tryReceive(into: &queue) == 0)
        }
    }

    @Test(
        "a limit below one byte counts as one, so that nothing but a FIN looks like a FIN", arguments: [0, -1, Int.min])
    func limits(_ limit: Int) async throws {
        try await onThread {
            let pair = try Pair()
            try pair.client.sendAll("abc")
            var queue = ByteQueue()
            #expect(try pair.server.receive(upTo: limit) == Array("a".utf8))
            #expect(try pair.server.receive(into: &queue, upTo: limit) == 1)
            #expect(try pair.server.tryReceive(into: &queue, upTo: limit) == 1)
            #expect(queue.withUnsafeBytes { Array($0) } == Array("bc".utf8))
        }
    }

    @Test("trying to receive never waits: nothing there is no error and no end", arguments: [true, false])
    func tryReceive(_ nonBlocking: Bool) async throws {
        try await onThread {
            let pair = try Pair()
            try pair.server.setNonBlocking(nonBlocking)
            var queue = ByteQueue()
            #expect(try pair.server.tryReceive(into: &queue) == nil)
            try pair.client.sendAll("abc")
            try pair.server.waitForInput()
            #expect(try pair.server.tryReceive(into: &queue) == 3)
        }
    }

    @Test("a deadline ends the wait in time, says so, and loses nothing", arguments: [true, false])
    func deadline(_ nonBlocking: Bool) async throws {
        try await onThread {
            let pair = try Pair()
            try pair.server.setNonBlocking(nonBlocking)
            var queue = ByteQueue()
            var error: SocketError?
            let took = duration {
                error = socketError { () throws(SocketError) in
                    _ = try pair.server.receive(into: &queue, within: .milliseconds(60))
                }
            }
            #expect(took >= .milliseconds(60) && took < .seconds(60))
            #expect(
                error?.description == "cannot receive from \(pair.server.peer): no byte from the peer within 60 ms")
            #expect(error?.isDeadline == true && error?.errno == nil && queue.isEmpty)
            try pair.client.sendAll("late")
            #expect(try pair.server.receive(into: &queue, within: .seconds(20)) == 4)
        }
    }

    @Test("a deadline of zero takes what is there")
    func zero() async throws {
        try await onThread {
            let pair = try Pair()
            try pair.client.sendAll("abc")
            try pair.server.waitForInput()
            #expect(try pair.server.receive(upTo: 3, within: .zero).count == 3)
            let error = socketError { () throws(SocketError) in _ = try pair.server.receive(within: .zero) }
            #expect(error?.isDeadline == true)
        }
    }

    @Test("a receive waits for a peer that is late, in both modes of the socket", arguments: [true, false])
    func waits(_ nonBlocking: Bool) async throws {
        try await onThread {
            let pair = try Pair()
            let server = pair.server
            try server.setNonBlocking(nonBlocking)
            let peer = try Peer(pair.client) { client in
                pace(.milliseconds(30))
                try client.sendAll("late")
            }
            #expect(try server.receive() == Array("late".utf8))
            try peer.result()
        }
    }

    @Test("a reset is an error that says so, once; what had arrived before it can be read first")
    func reset() async throws {
        try await onThread {
            let pair = try Pair()
            let server = pair.server
            try pair.client.sendAll("abc")
            pair.client.abort()
            try server.waitForHangUp()
            #expect(try server.receive(upTo: 3) == Array("abc".utf8))
            let error = socketError { () throws(SocketError) in _ = try server.receive() }
            #expect(
                error?.description
                    == "cannot receive from \(server.peer): the peer reset the connection (ECONNRESET)")
            #expect(error?.isPeerGone == true)
        }
    }

    #if BERTH_FAULTS
    @Test("errors of the kernel are passed on, interruptions are not")
    func faults() async throws {
        try await onThread {
            let pair = try Pair()
            let fd = pair.server.fileDescriptor
            try pair.client.sendAll("abc")
            SyscallFaults.inject(.receive, on: fd, times: 5, .fail(.interrupted))
            #expect(try pair.server.receive(upTo: 1) == Array("a".utf8))
            SyscallFaults.inject(.receive, on: fd, .fail(.outOfMemory))
            var error = socketError { () throws(SocketError) in _ = try pair.server.receive() }
            #expect(error?.errno == .outOfMemory)
            SyscallFaults.inject(.receive, on: fd, .fail(.wouldBlock))
            SyscallFaults.inject(.poll, on: fd, .fail(.outOfMemory))
            error = socketError { () throws(SocketError) in _ = try pair.server.receive(within: .seconds(1)) }
            #expect(error?.errno == .outOfMemory)
            #expect(try pair.server.receive() == Array("bc".utf8))
        }
    }
    #endif
}
