import BerthFraming
import BerthSystem
import Testing

@testable import BerthSockets

@Suite("Ending a stream")
struct StreamEndingTests {
    @Test("a peer that stalls ends the write; then nothing more is sent, but what arrived can be read")
    func stalled() async throws {
        try await onThread {
            let pair = try Pair(buffers: .kibibytes(32))
            try pair.client.sendAll("complaint\n")
            let client = pair.client
            let stream = SocketStream(pair.server, framing: .lines)
            stream.stallLimit = .milliseconds(60)
            let failure = streamError { () throws(StreamError) in
                try stream.write([UInt8](repeating: 0x61, count: 1 << 20))
            }
            let taken = try #require(failure?.socketError?.bytesTaken)
            #expect(failure?.socketError?.isDeadline == true && taken > 0 && stream.unflushedCount == 0)
            #expect(try stream.readLine() == "complaint")
            for action in [Action.write, .frame, .begin, .flush, .finishSending, .detach, .finish] {
                let again = streamError { () throws(StreamError) in try action.perform(on: stream) }
                #expect(again?.description == failure?.description, "\(action)")
            }
            // The connection is closed by then, and the peer got no byte behind the gap.
            #expect(client.readAll().bytes == [UInt8](repeating: 0x61, count: taken))
            #expect(streamError { () throws(StreamError) in try stream.write("x") }?.description == ended)
        }
    }

    @Test("finishing does not wait for a peer that stalls longer than it was told to wait")
    func finishWithStalledPeer() async throws {
        try await onThread {
            let pair = try Pair(buffers: .kibibytes(16))
            while try pair.server.trySend([UInt8](repeating: 1, count: 65_536).span.bytes) != nil {}
            let stream = SocketStream(pair.server)
            try stream.write([UInt8](repeating: 2, count: 60_000))
            var error: StreamError?
            let took = duration {
                error = streamError { () throws(StreamError) in try stream.finish(within: .milliseconds(60)) }
            }
            #expect(error?.socketError?.isDeadline == true)
            #expect(took >= .milliseconds(60) && took < .seconds(60))
        }
    }

    /// What can be done with a stream.
    private enum Action: CaseIterable {
        case write, frame, begin, chunk, end, flush, finishSending, readLine, read, detach, finish, number

        func perform(on stream: SocketStream) throws(StreamError) {
            switch self {
            case .write: try stream.write("x")
            case .frame: try stream.writeFrame("x")
            case .begin: try stream.beginFrame(bodyCount: nil)
            case .chunk: try stream.writeChunk(([1] as [UInt8]).span.bytes)
            case .end: try stream.endFrame()
            case .flush: try stream.flush()
            case .finishSending: try stream.finishSending()
            case .readLine: _ = try stream.readLine()
            case .read: _ = try stream.read()
            case .detach: try stream.detachAndClose()
            case .finish: try stream.finish()
            case .number: _ = try stream.fileDescriptor
            }
        }
    }

    private let ended = "the stream was ended before: nothing can be read or written any more"

    @Test("a stream that was ended says so, whatever is tried")
    func afterEnd() async throws {
        try await onThread {
            let pair = try Pair()
            let stream = SocketStream(pair.server)
            stream.close()
            for action in Action.allCases where action != .flush {
                let error = streamError { () throws(StreamError) in try action.perform(on: stream) }
                #expect(error?.description == ended, "\(action)")
            }
            stream.close()
            stream.abort()
            #expect(pair.client.readAll().bytes == [])
        }
    }

    @Test("detaching flushes, and hands over what had arrived but was not read, and no time limit")
    func detach() async throws {
        try await onThread {
            let pair = try Pair()
            let stream = SocketStream(pair.server)
            try stream.setIdleLimit(.milliseconds(50))
            try pair.client.sendAll("line\nrest")
            #expect(try stream.readLine() == "line")
            try stream.write("flushed")
            let detached = try stream.detach()
            #expect(detached.unread == Array("rest".utf8))
            let socket = detached.takeSocket()
            #expect(try pair.client.receive() == Array("flushed".utf8))
            let peer = try Peer(pair.client) { client in
                pace(.milliseconds(100))
                try client.sendAll("more")
            }
            #expect(try socket.receive() == Array("more".utf8))
            try peer.result()
        }
    }

    @Test("finishing a stream flushes it and counts what was not read")
    func finish() async throws {
        try await onThread {
            for peerFinishesFirst in [true, false] {
                let pair = try Pair()
                let server = pair.server
                try pair.client.sendAll("read\nunread")
                if peerFinishesFirst { try pair.client.shutdown(.writing) }
                let peer = try Peer(pair.client) { $0.readAll().bytes }
                let stream = SocketStream(server)
                #expect(try stream.readLine() == "read")
                if peerFinishesFirst {
                    _ = streamError { () throws(StreamError) in _ = try stream.readExactly(100) }
                }
                try stream.write("bye")
                let report = try stream.finish(within: .seconds(20))
                #expect(report.ending == .peerFinished && report.discarded == 6)
                #expect(try peer.result() == Array("bye".utf8))
            }
        }
    }
}
