import BerthFraming
import BerthSystem
import Testing

@testable import BerthSockets

@Suite("Writing to a stream")
struct StreamWritingTests {
    static let framings: [Framing] = [
        .raw, .lines(maximumLine: .mebibytes(1)), .lines(ending: .crlf, maximumLine: .mebibytes(1)),
        .lengthPrefix(bytes: .four), .selfCounting64, .delimiter("END"), .headers(),
    ]

    @Test("a large frame, which is sent from where it is, has the same bytes as a small one", arguments: framings)
    func largeEqualsSmall(_ framing: Framing) async throws {
        try await onThread {
            for count in [16_383, 16_384, 16_385, 65_536, 300_000] {
                // No line ends, no "END".
                let body = pattern(count).map { $0 % 26 + 97 }
                var expected = ByteQueue()
                var codec = framing
                try codec.encode("before", into: &expected)
                try codec.encode(body, into: &expected)
                try codec.encode("behind", into: &expected)

                let pair = try Pair()
                let server = pair.server
                let peer = try Peer(pair.client) { $0.readAll().bytes }
                let stream = SocketStream(server, framing: framing)
                try stream.writeFrame("before")
                try stream.writeFrame(body)
                try stream.writeFrame("behind")
                let report = try stream.finish(within: .seconds(20))
                #expect(report.ending == .peerFinished)
                let received = try peer.result()
                #expect(received == expected.withUnsafeBytes { Array($0) }, "\(count) bytes")
            }
        }
    }

    @Test("a frame that the codec refuses is not written at all, however large it is", arguments: [10, 100_000])
    func refused(_ count: Int) async throws {
        try await onThread {
            let pair = try Pair()
            let stream = SocketStream(pair.server, framing: .delimiter("aa"))
            try stream.writeFrame("one")
            // Ends so that the delimiter would be found too early: known only at the very end.
            let body = [UInt8](repeating: 0x62, count: count) + [0x61]
            let error = streamError { () throws(StreamError) in try stream.writeFrame(body) }
            #expect(
                error?.description == "the body holds the sequence \"aa\", which ends a frame, "
                    + "so that it cannot be sent as one frame")
            try stream.writeFrame("two")
            try stream.finishSending()
            let received = pair.client.readAll().bytes
            #expect(String(decoding: received.prefix(20), as: UTF8.self) == "oneaatwoaa")
        }
    }

    @Test("a frame is written in pieces, which together must be what was announced")
    func pieces() async throws {
        try await onThread {
            let pair = try Pair()
            let stream = SocketStream(pair.server, framing: .lengthPrefix(bytes: .two))
            try stream.beginFrame(bodyCount: 4)
            try stream.writeChunk(([1, 2, 3] as [UInt8]).span.bytes)
            let early = streamError { () throws(StreamError) in try stream.endFrame() }
            #expect(early?.framingError?.code == .bodyLengthMismatch(announced: 4, sent: 3))
            let late = streamError { () throws(StreamError) in try stream.writeChunk(([4, 5] as [UInt8]).span.bytes) }
            #expect(late?.framingError?.code == .bodyLengthMismatch(announced: 4, sent: 5))
            try stream.writeChunk(([4] as [UInt8]).span.bytes)
            try stream.endFrame()
            try stream.finishSending()
            #expect(pair.client.readAll().bytes == [0, 4, 1, 2, 3, 4])
        }
    }

    #if BERTH_FAULTS
    @Test("sixteen pipelined requests are answered with one send")
    func oneSend() async throws {
        try await onThread {
            let pair = try Pair()
            let framing = Framing.lengthPrefix(bytes: .two)
            var requests = ByteQueue()
            var codec = framing
            for number in 1...16 { try codec.encode("request \(number)", into: &requests) }
            try pair.client.sendAll(requests.bytes)
            try pair.client.shutdown(.writing)
            try pair.server.waitForInput()
            // A second send would fail.
            SyscallFaults.inject(.send, on: pair.server.fileDescriptor, after: 1, times: .max, .fail(.ioError))
            let stream = SocketStream(pair.server, framing: framing)
            while try stream.withFrame({ frame in try stream.writeFrame(frame.body) }) != nil {}
            try stream.finish(within: .zero)
            #expect(pair.client.readAll().bytes == requests.withUnsafeBytes { Array($0) })
        }
    }

    @Test("what gathers is sent when it is 64 KiB, in order, over partial sends", arguments: [1000, 65_536])
    func gathering(_ most: Int) async throws {
        try await onThread {
            let pair = try Pair()
            let server = pair.server
            let peer = try Peer(pair.client) { $0.readAll().bytes }
            SyscallFaults.inject(.send, on: server.fileDescriptor, times: .max, .atMost(most))
            let all = pattern(500_000)
            let stream = SocketStream(server)
            var start = 0
            var size = 1
            while start < all.count {
                let end = min(all.count, start + size)
                try stream.write(Array(all[start..<end]))
                #expect(stream.unflushedCount <= 65_536)
                start = end
                size = size * 7 % 90_001 + 1
            }
            try stream.finish(within: .seconds(20))
            #expect(try peer.result() == all)
        }
    }
    #endif
}
