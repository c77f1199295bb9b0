import BerthFraming
import BerthSystem
import Glibc
import Testing

@testable import BerthSockets

@Suite("Sending")
struct SendingTests {
    private static let megabyte = pattern(1 << 20)

    /// A peer that takes 16 KiB every 5 ms: slow, but steady.
    private func slowReader(_ socket: consuming TCPSocket) throws -> Peer<[UInt8]> {
        try Peer(socket) { $0.readAll(pausing: .milliseconds(5), upTo: 16_384).bytes }
    }

    @Test("a slow but steady reader never exceeds a limit for each call, and gets everything")
    func perCall() async throws {
        try await onThread {
            let pair = try Pair(buffers: .kibibytes(32))
            let server = pair.server
            let reader = try slowReader(pair.client)
            let took = try duration { try server.sendAll(Self.megabyte, timeout: .perCall(.seconds(2))) }
            #expect(took > .milliseconds(150))
            server.close()
            #expect(try reader.result() == Self.megabyte)
        }
    }

    @Test("a limit for the whole message ends while the same reader still reads, and says how much was taken")
    func whole() async throws {
        try await onThread {
            let pair = try Pair(buffers: .kibibytes(32))
            let server = pair.server
            let reader = try slowReader(pair.client)
            var error: SocketError?
            let took = duration {
                error = socketError { () throws(SocketError) in
                    try server.sendAll(Self.megabyte, timeout: .whole(.milliseconds(100)))
                }
            }
            #expect(took >= .milliseconds(100) && took < .seconds(60))
            let taken = try #require(error?.bytesTaken)
            #expect(taken > 0 && taken < Self.megabyte.count && error?.isDeadline == true)
            #expect(
                error?.description == "cannot send to \(server.peer): no end of the message within 100 ms, "
                    + "after the kernel had taken \(taken) bytes")
            server.close()
            #expect(try reader.result() == Array(Self.megabyte.prefix(taken)))
        }
    }

    @Test("a reader that stalls ends the send, in either mode of the socket", arguments: [true, false])
    func stalled(_ nonBlocking: Bool) async throws {
        try await onThread {
            let pair = try Pair(buffers: .kibibytes(32))
            try pair.server.setNonBlocking(nonBlocking)
            var error: SocketError?
            let took = duration {
                error = socketError { () throws(SocketError) in
                    try pair.server.sendAll(Self.megabyte, timeout: .perCall(.milliseconds(80)))
                }
            }
            #expect(took >= .milliseconds(80) && took < .seconds(60))
            let taken = try #require(error?.bytesTaken)
            #expect(taken > 0 && taken < Self.megabyte.count && error?.isDeadline == true)
            #expect(
                error?.description == "cannot send to \(pair.server.peer): no room to send (the peer does not read) "
                    + "within 80 ms, after the kernel had taken \(taken) bytes")
            // A send that would start now has taken nothing, and does not say that it had.
            let second = socketError { () throws(SocketError) in
                try pair.server.sendAll("x", timeout: .whole(.zero))
            }
            #expect(second?.bytesTaken == 0)
            #expect(second?.description == "cannot send to \(pair.server.peer): no end of the message within 0 ms")
        }
    }

    @Test("without a limit a send waits as long as it takes, in either mode of the socket", arguments: [true, false])
    func unlimited(_ nonBlocking: Bool) async throws {
        try await onThread {
            let pair = try Pair(buffers: .kibibytes(32))
            let server = pair.server
            try server.setNonBlocking(nonBlocking)
            let reader = try slowReader(pair.client)
            try server.sendAll(Self.megabyte)
            var sent = 0
            while sent < 100_000 { sent += try server.send(Self.megabyte.span.bytes.extracting(sent..<100_000)) }
            server.close()
            #expect(try reader.result() == Self.megabyte + Self.megabyte.prefix(100_000))
        }
    }

    @Test("trying to send takes what there is room for, and is told when there is none")
    func trySend() async throws {
        try await onThread {
            let pair = try Pair(buffers: .kibibytes(16))
            var taken = 0
            while let count = try pair.server.trySend(Self.megabyte.span.bytes) { taken += count }
            #expect(taken > 0)
            #expect(try pair.server.trySend(([1] as [UInt8]).span.bytes) == nil)
        }
    }

    @Test("to a peer that has closed, the first send is taken and the next one fails; no SIGPIPE is raised")
    func peerClosed() async throws {
        try await onThread {
            var pipes = sigset_t()
            sigemptyset(&pipes)
            sigaddset(&pipes, SIGPIPE)
            pthread_sigmask(SIG_BLOCK, &pipes, nil)  // a blocked signal is kept, even one that is ignored

            let pair = try Pair()
            let server = pair.server
            pair.client.close()
            try server.waitForInput()
            try server.sendAll("lost")
            try server.waitForHangUp()
            let error = socketError { () throws(SocketError) in try server.sendAll("more") }
            #expect(
                error?.description == "cannot send to \(server.peer): "
                    + "the peer closed the connection, or sending was shut down (EPIPE)")
            #expect(error?.isPeerGone == true && error?.bytesTaken == 0)

            var pending = sigset_t()
            sigpending(&pending)
            #expect(sigismember(&pending, SIGPIPE) == 0)
        }
    }

    @Test("after a reset the first send says that, the next that the peer is gone")
    func peerReset() async throws {
        try await onThread {
            let pair = try Pair()
            let server = pair.server
            pair.client.abort()
            try server.waitForHangUp()
            let first = socketError { () throws(SocketError) in try server.sendAll("x", timeout: .perCall(.seconds(1)))
            }
            let second = socketError { () throws(SocketError) in _ = try server.trySend(([1] as [UInt8]).span.bytes) }
            #expect(first?.description == "cannot send to \(server.peer): the peer reset the connection (ECONNRESET)")
            #expect(second?.errno == .brokenPipe)
        }
    }

    #if BERTH_FAULTS
    @Test("three pieces arrive in order, however few bytes a send takes", arguments: [1, 3, 4, 7, 1000])
    func vectored(_ most: Int) async throws {
        try await onThread {
            for sizes in [(5, 6, 7), (0, 6, 0), (0, 0, 7), (1, 0, 1), (0, 0, 0), (4, 4, 4)] {
                let pair = try Pair()
                let all = pattern(sizes.0 + sizes.1 + sizes.2)
                SyscallFaults.inject(.send, on: pair.server.fileDescriptor, times: .max, .atMost(most))
                let bytes = all.span.bytes
                try pair.server.sendAll(
                    bytes.extracting(first: sizes.0), bytes.extracting(sizes.0..<(sizes.0 + sizes.1)),
                    bytes.extracting(last: sizes.2), timeout: .whole(.seconds(20)))
                try pair.server.shutdown(.writing)
                #expect(pair.client.readAll().bytes == all)
            }
        }
    }

    @Test("the limit of the whole message holds for a peer that always has room for a little")
    func wholeWithoutWaiting() async throws {
        try await onThread {
            let pair = try Pair()
            let server = pair.server
            let reader = try Peer(pair.client) { $0.readAll().bytes.count }
            SyscallFaults.inject(.send, on: server.fileDescriptor, times: .max, .atMost(1))
            let error = socketError { () throws(SocketError) in
                try server.sendAll([UInt8](repeating: 1, count: 1 << 30), timeout: .whole(.milliseconds(50)))
            }
            #expect(error?.isDeadline == true)
            let taken = error?.bytesTaken
            server.close()
            #expect(try reader.result() == taken)
        }
    }

    @Test("an error in the middle of a message tells how much the kernel had taken")
    func bytesTaken() async throws {
        try await onThread {
            let pair = try Pair()
            let fd = pair.server.fileDescriptor
            SyscallFaults.inject(.send, on: fd, times: 2, .atMost(4))
            SyscallFaults.inject(.send, on: fd, times: 1, .fail(.interrupted))
            SyscallFaults.inject(.send, on: fd, times: 1, .fail(.timedOut))
            let error = socketError { () throws(SocketError) in try pair.server.sendAll("0123456789") }
            #expect(
                error?.description == "cannot send to \(pair.server.peer): it timed out (ETIMEDOUT), "
                    + "after the kernel had taken 8 bytes")
            #expect(error?.bytesTaken == 8)
        }
    }
    #endif
}
