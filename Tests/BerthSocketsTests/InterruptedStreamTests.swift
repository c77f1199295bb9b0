import BerthFraming
import BerthSystem
import Testing

@testable import BerthSockets

@Suite("Interrupted streams")
struct InterruptedStreamTests {
    /// What a server that ends tells its connections.
    private final class Drain: Sendable {
        private let wakeUp: WakeUp
        private let forceWakeUp: WakeUp
        private let raised = Monitor<MonotonicTime?>(nil)
        private let forced = Monitor(false)

        init() throws {
            wakeUp = try WakeUp()
            forceWakeUp = try WakeUp()
        }

        /// Ends waits for a new message, from a moment on.
        func raise(after time: Duration = .zero) {
            raised.change { $0 = .now.advanced(by: time) }
            wakeUp.signal()
        }

        /// Ends all reads.
        func force() {
            forced.change { $0 = true }
            forceWakeUp.signal()
        }

        func set(on stream: SocketStream) throws {
            try stream.setInterruption(
                StreamInterruption(
                    descriptor: wakeUp.descriptor.rawValue, forceDescriptor: forceWakeUp.descriptor.rawValue,
                    moment: { [raised] in raised.withLock { $0 } }, isForced: { [forced] in forced.withLock { $0 } }),
                patienceIsSet: false)
        }
    }

    static let ways: [Framing] = [
        .raw, .lines, .lengthPrefix(bytes: .four), .delimiter("END"), .fixedLength(ByteCount(4)), .untilClose(),
        .headers(),
    ]

    @Test(
        "between two messages the interruption ends a read as the peer's end would, with no frame made up",
        arguments: ways)
    func between(_ framing: Framing) async throws {
        try await onThread {
            for whileWaiting in [false, true] {
                let pair = try Pair()
                let stream = SocketStream(pair.server, framing: framing)
                let drain = try Drain()
                try drain.set(on: stream)
                if whileWaiting {
                    try Thread.start(name: "drain") {
                        pace(.milliseconds(20))
                        drain.raise()
                    }
                } else {
                    drain.raise()
                }
                var frame: Frame?
                let took = try duration { frame = try stream.readFrame() }
                #expect(frame == nil && took < .seconds(60) && stream.wasInterrupted)
                #expect(try stream.readFrame() == nil && stream.readLine() == nil && stream.read() == [])
                #expect(try stream.readFrame(begin: { (_, _) in }, chunk: { _ in }) == false)
                #expect(!stream.isAtEnd)
                // It still can say goodbye.
                try stream.write("bye")
                try stream.flush()
                #expect(try pair.client.receive(within: .seconds(20)) == Array("bye".utf8))
            }
        }
    }

    @Test("messages that have arrived are still delivered after the interruption")
    func arrived() async throws {
        try await onThread {
            let pair = try Pair()
            try pair.client.sendAll("one\ntwo\nthree\n")
            try pair.server.waitForInput()
            let stream = SocketStream(pair.server)
            let drain = try Drain()
            try drain.set(on: stream)
            drain.raise()
            var lines: [String] = []
            while let line = try stream.readLine() { lines.append(line) }
            #expect(lines == ["one", "two", "three"] && stream.wasInterrupted)
        }
    }

    @Test(
        "within a message the interruption does not end a read; behind it, it does", arguments: StreamWaitingTests.cases
    )
    func within(_ test: StreamWaitingTests.Case) async throws {
        try await onThread {
            let pair = try Pair()
            let stream = SocketStream(pair.server, framing: .lengthPrefix(bytes: .four))
            let drain = try Drain()
            try drain.set(on: stream)
            // The first half is taken into the buffer, then the drain begins, then the rest comes.
            try pair.client.sendAll(test.half)
            stream.readDeadline = .after(.milliseconds(30))
            #expect(streamError { () throws(StreamError) in _ = try test.read(stream) } != nil)
            stream.readDeadline = .never
            drain.raise()
            let peer = try Peer(try pair.client.duplicate()) { client in
                pace(.milliseconds(30))
                try client.sendAll(test.rest)
            }
            #expect(try test.read(stream) == Array("0123456789".utf8))
            #expect(!stream.wasInterrupted)
            #expect(try stream.readLine() == nil && stream.wasInterrupted)
            try peer.result()
        }
    }

    @Test("within a streamed frame the interruption does not end the read, also where the buffer is empty")
    func withinStreamedFrame() async throws {
        try await onThread {
            let pair = try Pair()
            let stream = SocketStream(pair.server, framing: .lengthPrefix(bytes: .four))
            let drain = try Drain()
            try drain.set(on: stream)
            try pair.client.sendAll([0, 0, 0, 4, 1, 2])
            let client = try pair.client.duplicate()
            var body: [UInt8] = []
            var rest: Peer<Void>?
            let number = client.fileDescriptor
            let isRead = try stream.readFrame(
                begin: { (_, _) in },
                chunk: { bytes in
                    for index in bytes.byteOffsets { body.append(bytes.byte(at: index)) }
                    guard rest == nil, let copy = try? Kernel.duplicate(number) else { return }
                    drain.raise()
                    rest = try? Peer(TCPSocket(descriptor: copy, peer: stream.peer)) { client in
                        pace(.milliseconds(30))
                        try client.sendAll([3, 4])
                    }
                })
            #expect(isRead && body == [1, 2, 3, 4])
            #expect(try stream.readFrame(begin: { (_, _) in }, chunk: { _ in }) == false)
            #expect(stream.wasInterrupted)
            try rest?.result()
            client.close()
        }
    }

    @Test("an idle limit still holds beside an interruption that does not come")
    func idleLimit() async throws {
        try await onThread {
            let pair = try Pair()
            let stream = SocketStream(pair.server)
            let drain = try Drain()
            try drain.set(on: stream)
            try stream.setIdleLimit(.milliseconds(60))
            let took = duration {
                let error = streamError { () throws(StreamError) in _ = try stream.readLine() }
                #expect(error?.socketError?.isDeadline == true)
            }
            #expect(took >= .milliseconds(60) && took < .seconds(60) && !stream.wasInterrupted)
        }
    }
}
