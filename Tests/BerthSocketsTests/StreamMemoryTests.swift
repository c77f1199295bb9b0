import BerthFraming
import BerthSystem
import Testing

@testable import BerthSockets

@Suite("Memory of a stream")
struct StreamMemoryTests {
    private static let framing = Framing.lengthPrefix(bytes: .eight, maximumFrame: .gibibytes(2))

    /// The length prefix of a frame of 1 GiB.
    private static let announcement: [UInt8] = [0, 0, 0, 0, 0x40, 0, 0, 0]

    @Test("a peer that announces 1 GiB and sends nothing gets no memory for it")
    func announced() async throws {
        try await onThread {
            let pair = try Pair()
            let stream = SocketStream(pair.server, framing: Self.framing)
            try pair.client.sendAll(Self.announcement)
            stream.readDeadline = .after(.milliseconds(50))
            _ = streamError { () throws(StreamError) in _ = try stream.readFrame() }
            #expect(stream.bufferedCount == 8)
            #expect(stream.core.input.queue.allocatedCount <= 1 << 20)
        }
    }

    @Test("memory grows with what has arrived, whatever was announced")
    func proportional() async throws {
        try await onThread {
            let pair = try Pair()
            let server = pair.server
            let peer = try Peer(pair.client) { client in
                try client.sendAll(Self.announcement)
                try client.sendAll([UInt8](repeating: 1, count: 6 << 20))
                try client.shutdown(.writing)
                _ = client.readAll()
            }
            let stream = SocketStream(server, framing: Self.framing)
            let error = streamError { () throws(StreamError) in _ = try stream.readFrame() }
            #expect(error?.framingError?.code == .truncated(have: (6 << 20) + 8, need: (1 << 30) + 8))
            #expect(stream.core.input.queue.allocatedCount <= 4 * (6 << 20))
            stream.close()
            try peer.result()
        }
    }

    @Test("the memory of a large frame is given back when the stream waits again, on both sides")
    func givenBack() async throws {
        try await onThread {
            let pair = try Pair()
            let server = pair.server
            let large = [UInt8](repeating: 7, count: 3 << 20)
            let peer = try Peer(pair.client) { client in
                let client = SocketStream(client, framing: Self.framing)
                try client.writeFrame(large)
                try client.flush()
                #expect(client.core.output.queue.allocatedCount <= 128 << 10)
                #expect(try client.readFrame()?.body.count == 1)
                try client.writeFrame([1])
                try client.finish()
            }
            let stream = SocketStream(server, framing: Self.framing)
            #expect(try stream.readFrame()?.body == large)
            #expect(stream.core.input.queue.allocatedCount >= large.count)
            try stream.writeFrame([2])
            #expect(try stream.readFrame()?.body == [1])
            #expect(stream.core.input.queue.allocatedCount <= 1 << 20)
            try stream.finish()
            try peer.result()
        }
    }

    @Test("a connection that idles owns no memory for input")
    func idle() async throws {
        try await onThread {
            let pair = try Pair()
            let stream = SocketStream(pair.server)
            try stream.setIdleLimit(SocketStream.patience + .milliseconds(50))
            try pair.client.sendAll("hello\n")
            #expect(try stream.readLine() == "hello")
            #expect(stream.core.input.queue.allocatedCount > 0)
            #expect(streamError { () throws(StreamError) in _ = try stream.readLine() } != nil)
            #expect(stream.core.input.queue.allocatedCount == 0)
        }
    }

    @Test("frames that are only begun and ended do not gather without bound")
    func emptyFrames() async throws {
        try await onThread {
            let pair = try Pair()
            let server = pair.server
            let peer = try Peer(pair.client) { $0.readAll().bytes.count }
            let stream = SocketStream(server, framing: Self.framing)
            for _ in 0..<50_000 {
                try stream.beginFrame(bodyCount: 0)
                try stream.endFrame()
                if stream.unflushedCount > StreamOutput.gatherLimit { break }
            }
            #expect(stream.unflushedCount <= StreamOutput.gatherLimit)
            try stream.finish(within: .seconds(20))
            #expect(try peer.result() == 400_000)
        }
    }
}
