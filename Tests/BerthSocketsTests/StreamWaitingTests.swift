import BerthFraming
import BerthSystem
import Glibc
import Testing

@testable import BerthSockets

@Suite("Waiting of a stream")
struct StreamWaitingTests {
    /// A way to read that needs ten bytes, of which `half` is the beginning and `rest` the end.
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let half: [UInt8]
        let rest: [UInt8]
        let read: @Sendable (SocketStream) throws(StreamError) -> [UInt8]
    }

    static let cases = [
        Case(testDescription: "line", half: Array("01234".utf8), rest: Array("56789\n".utf8)) {
            (stream) throws(StreamError) in Array((try stream.readLine() ?? "").utf8)
        },
        Case(testDescription: "frame", half: [0, 0, 0, 10] + Array("01234".utf8), rest: Array("56789".utf8)) {
            (stream) throws(StreamError) in try stream.readFrame()?.body ?? []
        },
        Case(testDescription: "prefix of a frame", half: [0, 0, 0], rest: [10] + Array("0123456789".utf8)) {
            (stream) throws(StreamError) in try stream.readFrame()?.body ?? []
        },
        Case(testDescription: "exact count", half: Array("01234".utf8), rest: Array("56789".utf8)) {
            (stream) throws(StreamError) in try stream.readExactly(10)
        },
    ]

    @Test("a deadline in the middle of a message loses nothing, and the read can be repeated", arguments: cases)
    func deadline(_ test: Case) async throws {
        try await onThread {
            let pair = try Pair()
            let stream = SocketStream(pair.server, framing: .lengthPrefix(bytes: .four))
            try pair.client.sendAll(test.half)
            for _ in 0..<2 {
                stream.readDeadline = .after(.milliseconds(40))
                let error = streamError { () throws(StreamError) in _ = try test.read(stream) }
                #expect(
                    error?.description
                        == "cannot receive from \(stream.peer): no byte from the peer before the deadline")
                #expect(error?.socketError?.isDeadline == true && stream.readDeadline.hasPassed)
                #expect(stream.bufferedCount == test.half.count)
            }
            try pair.client.sendAll(test.rest)
            stream.readDeadline = .after(.seconds(240))
            #expect(try test.read(stream) == Array("0123456789".utf8))
        }
    }

    @Test("a deadline within a streamed frame loses nothing: the read goes on where it was")
    func deadlineWhileStreaming() async throws {
        try await onThread {
            let pair = try Pair()
            let stream = SocketStream(pair.server, framing: .lengthPrefix(bytes: .four))
            var bodyCount: Int?
            var body: [UInt8] = []
            func read() throws -> Bool {
                try stream.readFrame(
                    begin: { (_, count) in bodyCount = count },
                    chunk: { (bytes) in for index in bytes.byteOffsets { body.append(bytes.byte(at: index)) } })
            }
            for piece in [[0, 0], [0, 10, 1, 2], [3, 4, 5], []] as [[UInt8]] {
                try pair.client.sendAll(piece)
                stream.readDeadline = .after(.milliseconds(40))
                #expect(streamError { _ = try read() }?.socketError?.isDeadline == true)
            }
            try pair.client.sendAll([6, 7, 8, 9, 10])
            stream.readDeadline = .never
            #expect(try read())
            #expect(bodyCount == 10 && body == Array(1...10))
        }
    }

    @Test(
        "the idle limit bounds each wait, in either mode of the socket, also when its descriptor was lent",
        arguments: [100, 350], [false, true])
    func idleLimit(_ milliseconds: Int, _ nonBlocking: Bool) async throws {
        try await onThread {
            let limit = Duration.milliseconds(milliseconds)
            let pair = try Pair()
            try pair.server.setNonBlocking(nonBlocking)
            let stream = SocketStream(pair.server)
            try stream.setIdleLimit(limit)
            for round in 0..<2 {
                var error: StreamError?
                let took = duration {
                    error = streamError { () throws(StreamError) in _ = try stream.readLine() }
                }
                #expect(took >= limit && took < limit + .seconds(2), "round \(round)")
                #expect(
                    error?.description
                        == "cannot receive from \(stream.peer): no byte from the peer within \(limit.short)")
                // From now on the kernel no longer ends a wait.
                _ = try stream.lendDescriptor()
            }
            try pair.client.sendAll("late\n")
            #expect(try stream.readLine() == "late")
        }
    }

    @Test("a peer that sends now and then never exceeds the idle limit")
    func idleLimitIsPerWait() async throws {
        try await onThread {
            let pair = try Pair()
            let stream = SocketStream(pair.server)
            try stream.setIdleLimit(.seconds(2))
            let peer = try Peer(pair.client) { client in
                for byte in "0123456789\n".utf8 {
                    pace(.milliseconds(220))
                    try client.sendAll([byte])
                }
            }
            var line: String?
            let took = try duration { line = try stream.readLine() }
            #expect(line == "0123456789" && took > .seconds(2))
            try peer.result()
        }
    }

    @Test("signals that keep coming do not lengthen the idle limit")
    func signals() async throws {
        try await onThread {
            var action = sigaction()
            action.__sigaction_handler.sa_handler = { _ in }
            sigaction(SIGUSR2, &action, nil)
            // Threads that come from Swift's pool have all signals blocked.
            var mask = sigset_t()
            sigemptyset(&mask)
            sigaddset(&mask, SIGUSR2)
            pthread_sigmask(SIG_UNBLOCK, &mask, nil)
            let reader = UInt(pthread_self())
            let isDone = Monitor(false)
            try Thread.start(name: "disturber") {
                // Not for ever, so that a wait that is lengthened is one that is too long.
                for _ in 0..<500 {
                    if isDone.wait(until: .after(.milliseconds(20)), { $0 ? true : nil }) == true { break }
                    pthread_kill(pthread_t(reader), SIGUSR2)
                }
                _ = isDone.wait { $0 ? true : nil }
                isDone.change { $0 = false }
            }
            let pair = try Pair()
            let stream = SocketStream(pair.server)
            try stream.setIdleLimit(.milliseconds(300))
            let took = duration {
                let error = streamError { () throws(StreamError) in _ = try stream.readLine() }
                #expect(error?.socketError?.isDeadline == true)
            }
            isDone.change { $0 = true }
            _ = isDone.wait { $0 ? nil : true }
            #expect(took >= .milliseconds(300) && took < .seconds(8))
        }
    }

    @Test("what was written is sent before a read waits for the answer to it")
    func autoFlush() async throws {
        try await onThread {
            let pair = try Pair()
            let stream = SocketStream(pair.server, framing: .lines)
            let peer = try Peer(pair.client) { client in
                let client = SocketStream(client)
                while let line = try client.readLine() { try client.write("answer to \(line)\n") }
                try client.finish()
            }
            try stream.write("one\n")
            #expect(stream.unflushedCount == 4)
            #expect(try stream.readLine() == "answer to one")
            try stream.writeFrame("two")
            #expect(try stream.readFrame()?.body == Array("answer to two".utf8))
            try stream.write("three\n")
            #expect(try stream.readExactly(16) == Array("answer to three\n".utf8))
            #expect(stream.unflushedCount == 0)
            try stream.finish()
            try peer.result()
        }
    }
}
