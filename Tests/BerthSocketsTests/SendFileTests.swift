import BerthFraming
import BerthSystem
import Testing

@testable import BerthSockets

@Suite("Sending files")
struct SendFileTests {
    private static let content = pattern(600_000)

    @Test(
        "a part of a file arrives as it is, with and without a limit",
        arguments: [SendTimeout.none, .perCall(.seconds(20)), .whole(.seconds(20))])
    func part(_ timeout: SendTimeout) async throws {
        try await onThread {
            let pair = try Pair(buffers: .kibibytes(64))
            let server = pair.server
            let reader = try Peer(pair.client) { $0.readAll().bytes }
            let file = try temporaryFile(Self.content)
            try server.sendFile(file, from: 1000, count: 500_000, timeout: timeout)
            try server.sendFile(file, from: 0, count: 0, timeout: timeout)
            try server.sendFile(file, from: 0, count: -1, timeout: timeout)
            #expect(try Kernel.setNonBlocking(server.fileDescriptor, false) == false)
            server.close()
            #expect(try reader.result() == Array(Self.content[1000..<501_000]))
        }
    }

    @Test("a file that ends early is an error that says where, whatever was promised", arguments: [5000, Int64.max])
    func endsEarly(_ count: Int64) async throws {
        try await onThread {
            let pair = try Pair()
            let file = try temporaryFile([UInt8](repeating: 7, count: 3000))
            let error = socketError { () throws(SocketError) in
                try pair.server.sendFile(file, from: 1000, count: count)
            }
            #expect(error?.bytesTaken == 2000)
            #expect(
                error?.description == "cannot send to \(pair.server.peer): the file ended at byte 3000, "
                    + "\(count - 2000) bytes too early, after the kernel had taken 2000 bytes")
        }
    }

    @Test("trying to send pieces and files takes what there is room for, in order, and is told when there is none")
    func trying() async throws {
        try await onThread {
            let pair = try Pair(buffers: .kibibytes(16))
            try pair.server.setNonBlocking(true)
            let (head, tail) = (Array("head".utf8), Array("tail".utf8))
            let first = try pair.server.trySend(head.span.bytes, tail.span.bytes)
            #expect(first == 8)
            let file = try temporaryFile(Self.content)
            var taken = 0
            while let count = try pair.server.trySendFile(file, from: Int64(taken), count: 600_000) {
                if count == 0 { break }
                taken += count
            }
            #expect(taken > 0 && taken < Self.content.count)
            // What was sent goes over a moment later, and makes room once more.
            var more: Int? = 8
            for _ in 0..<100_000 where more != nil {
                more = try pair.server.trySend(head.span.bytes, tail.span.bytes)
            }
            #expect(more == nil)
            let arrived = try pair.client.receive(upTo: 12)
            #expect(arrived == head + tail + Self.content.prefix(4))
            let end = try pair.client.trySendFile(file, from: Int64(Self.content.count), count: 10)
            #expect(end == 0)
        }
    }

    @Test(
        "a reader that stalls ends the send in time, and the mode of the socket is as before",
        arguments: [SendTimeout.perCall(.milliseconds(80)), .whole(.milliseconds(80))])
    func stalled(_ timeout: SendTimeout) async throws {
        try await onThread {
            for nonBlocking in [false, true] {
                let pair = try Pair(buffers: .kibibytes(32))
                try pair.server.setNonBlocking(nonBlocking)
                let file = try temporaryFile(Self.content)
                var error: SocketError?
                let took = duration {
                    error = socketError { () throws(SocketError) in
                        try pair.server.sendFile(file, from: 0, count: 600_000, timeout: timeout)
                    }
                }
                #expect(took >= .milliseconds(80) && took < .seconds(60))
                #expect(error?.isDeadline == true)
                let taken = try #require(error?.bytesTaken)
                #expect(taken > 0 && taken < 600_000)
                #expect(try Kernel.setNonBlocking(pair.server.fileDescriptor, false) == nonBlocking)
            }
        }
    }

    @Test("a peer that has closed is an error, and the process lives: SIGPIPE is ignored")
    func peerClosed() async throws {
        try await onThread {
            let pair = try Pair()
            let server = pair.server
            pair.client.close()
            try server.waitForInput()
            try server.sendAll("lost")
            try server.waitForHangUp()
            let file = try temporaryFile(Self.content)
            let error = socketError { () throws(SocketError) in try server.sendFile(file, from: 0, count: 1000) }
            #expect(error?.errno == .brokenPipe && error?.bytesTaken == 0)
        }
    }

    #if BERTH_FAULTS
    @Test("a file is sent whole over partial and interrupted calls")
    func partial() async throws {
        try await onThread {
            let pair = try Pair()
            let server = pair.server
            let file = try temporaryFile(Array(Self.content.prefix(1000)))
            SyscallFaults.inject(.sendFile, on: server.fileDescriptor, times: 300, .atMost(3))
            SyscallFaults.inject(.sendFile, on: server.fileDescriptor, times: 3, .fail(.interrupted))
            SyscallFaults.inject(.sendFile, on: server.fileDescriptor, times: 3, .fail(.wouldBlock))
            try server.sendFile(file, from: 0, count: 1000)
            server.close()
            #expect(pair.client.readAll().bytes == Array(Self.content.prefix(1000)))
        }
    }
    #endif
}
