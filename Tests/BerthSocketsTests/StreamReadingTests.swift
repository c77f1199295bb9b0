import BerthFraming
import BerthSystem
import Testing

@testable import BerthSockets

@Suite("Reading from a stream")
struct StreamReadingTests {
    private static let framing = Framing.lengthPrefix(bytes: .four)
    private static let script = Array("first line\r\nRAW".utf8) + [0, 0, 0, 5] + Array("frameexact\nlast line".utf8)

    /// Reads the script in five ways, one after the other.
    private func readScript(_ stream: SocketStream) throws {
        #expect(try stream.readLine() == "first line")
        var raw: [UInt8] = []
        while raw.count < 3 { raw += try stream.read(upTo: 3 - raw.count) }
        #expect(raw == Array("RAW".utf8))
        #expect(try stream.readFrame()?.body == Array("frame".utf8))
        #expect(try stream.readExactly(5) == Array("exact".utf8))
        #expect(try stream.readLine() == "")
        #expect(try stream.readToEnd() == Array("last line".utf8))
        #expect(try stream.readLine() == nil && stream.readFrame() == nil && stream.read() == [])
        #expect(stream.isAtEnd)
    }

    #if BERTH_FAULTS
    @Test("lines, raw reads, frames and exact counts are mixed without losing a byte, wherever the network splits")
    func everySplit() async throws {
        try await onThread {
            for split in 1...Self.script.count {
                let pair = try Pair()
                try pair.client.sendAll(Self.script)
                try pair.client.shutdown(.writing)
                SyscallFaults.inject(.receive, on: pair.server.fileDescriptor, .atMost(split))
                try readScript(SocketStream(pair.server, framing: Self.framing))
            }
        }
    }

    @Test("the same when every receive brings a single byte, or is interrupted")
    func singleBytes() async throws {
        try await onThread {
            for fault in [SyscallFaults.Effect.atMost(1), .fail(.interrupted)] {
                let pair = try Pair()
                try pair.client.sendAll(Self.script)
                try pair.client.shutdown(.writing)
                SyscallFaults.inject(.receive, on: pair.server.fileDescriptor, times: 60, fault)
                let stream = SocketStream(pair.server, framing: Self.framing)
                try stream.setIdleLimit(.seconds(20))
                try readScript(stream)
            }
        }
    }
    #endif

    @Test("the same with a peer that dribbles")
    func dribble() async throws {
        try await onThread {
            let pair = try Pair()
            let server = pair.server
            let peer = try Peer(pair.client) { client in
                for byte in Self.script {
                    try client.sendAll([byte])
                    pace(.milliseconds(1))
                }
            }
            try readScript(SocketStream(server, framing: Self.framing))
            try peer.result()
        }
    }

    @Test("a raw read takes what is there, at most as much as was asked for, at least one byte")
    func rawReads() async throws {
        try await onThread {
            let pair = try Pair()
            try pair.client.sendAll("abcdef")
            let stream = SocketStream(pair.server)
            #expect(try stream.read(upTo: 2) == Array("ab".utf8))
            #expect(try stream.read(upTo: 0) == Array("c".utf8))
            #expect(try stream.read(upTo: -7) == Array("d".utf8))
            #expect(stream.bufferedCount == 2)
            #expect(try stream.readExactly(0) == [] && stream.readExactly(-3) == [])
            #expect(try stream.read() == Array("ef".utf8))
        }
    }

    @Test("a peer that ends too early is an error, and what had arrived stays")
    func truncated() async throws {
        try await onThread {
            let pair = try Pair()
            try pair.client.sendAll("abc")
            try pair.client.shutdown(.writing)
            let stream = SocketStream(pair.server)
            let error = streamError { () throws(StreamError) in _ = try stream.readExactly(10) }
            #expect(error?.description == "the stream ended within a frame, after 3 of its 10 bytes")
            #expect(try stream.read() == Array("abc".utf8))
        }
    }

    @Test("reading to the end is bounded, also by what was in the buffer before", arguments: [false, true])
    func readToEnd(_ isBuffered: Bool) async throws {
        try await onThread {
            let pair = try Pair()
            try pair.client.sendAll("0123456789")
            try pair.client.shutdown(.writing)
            let stream = SocketStream(pair.server)
            if isBuffered {
                _ = streamError { () throws(StreamError) in _ = try stream.readExactly(100) }
                #expect(stream.bufferedCount == 10)
            }
            let error = streamError { () throws(StreamError) in _ = try stream.readToEnd(limit: ByteCount(9)) }
            #expect(
                error?.description
                    == "the peer sent a frame that is longer than 9 bytes, the limit that maximumFrame sets")
            #expect(try stream.readToEnd(limit: ByteCount(10)) == Array("0123456789".utf8))
        }
    }

    @Test("what breaks the protocol is told in the codec's words, and told again")
    func framingErrors() async throws {
        try await onThread {
            let pair = try Pair()
            try pair.client.sendAll([0, 0, 0x40, 0, 1, 2, 3])
            let stream = SocketStream(
                pair.server, framing: .lengthPrefix(bytes: .four, maximumFrame: .kibibytes(4)))
            for _ in 0..<2 {
                let error = streamError { () throws(StreamError) in _ = try stream.readFrame() }
                #expect(
                    error?.description
                        == "the peer announced a frame of 16 KiB, above the limit of 4 KiB that maximumFrame sets")
            }
        }
    }

    @Test("a line that is too long or no text is an error that names it")
    func lineErrors() async throws {
        try await onThread {
            let pair = try Pair()
            try pair.client.sendAll([0xFF, 0x0A])
            let stream = SocketStream(pair.server)
            let invalid = streamError { () throws(StreamError) in _ = try stream.readLine() }
            #expect(invalid?.framingError?.code == .invalidUTF8(offset: 0))
            #expect(try stream.read(upTo: 2) == [0xFF, 0x0A])
            stream.maximumLine = ByteCount(5)
            try pair.client.sendAll("12345\n123456\n")
            #expect(try stream.readLine() == "12345")
            let long = streamError { () throws(StreamError) in _ = try stream.readLine() }
            #expect(
                long?.description
                    == "the peer sent a line that is longer than 5 bytes, the limit that maximumLine sets")
        }
    }

    @Test("the sequences of lines and frames end at the peer's end, and after a failure, which is their last element")
    func sequences() async throws {
        try await onThread {
            let pair = try Pair()
            try pair.client.sendAll("one\ntwo\r\n\u{1}ab\u{0}\u{9}c")
            try pair.client.shutdown(.writing)
            let stream = SocketStream(pair.server, framing: .lengthPrefix(bytes: .one))
            stream.maximumLine = ByteCount(4)
            var lines: [String] = []
            for line in stream.lines.prefix(2) { lines.append(try line.get()) }
            #expect(lines == ["one", "two"])
            var bodies: [[UInt8]] = []
            var failures: [String] = []
            for frame in stream.frames {
                switch frame {
                case .success(let frame): bodies.append(frame.body)
                case .failure(let error): failures.append(error.description)
                }
            }
            #expect(bodies == [Array("a".utf8)])
            #expect(failures.count == 1, "\(failures)")
        }
    }

    @Test("a frame counts as read also when the one who takes it fails")
    func bodyThrows() async throws {
        try await onThread {
            let pair = try Pair()
            try pair.client.sendAll("\u{1}a\u{1}b\u{2}cd\u{1}e")
            let stream = SocketStream(pair.server, framing: .lengthPrefix(bytes: .one))
            func refuse(_ frame: borrowing BorrowedFrame) throws { throw StreamError.ended }
            let error = streamError { try stream.withFrame(refuse) }
            #expect(error != nil)
            #expect(try stream.readFrame()?.body == Array("b".utf8))
            // A streamed one goes on behind what was given.
            var pieces: [UInt8] = []
            _ = streamError {
                _ = try stream.readFrame(begin: { _, _ in throw StreamError.ended }, chunk: { _ in })
            }
            let isRead = try stream.readFrame(
                begin: { (_, _) in Issue.record("begun twice") },
                chunk: { (bytes) in for index in bytes.byteOffsets { pieces.append(bytes.byte(at: index)) } })
            #expect(isRead && pieces == Array("cd".utf8))
            #expect(try stream.readFrame()?.body == Array("e".utf8))
        }
    }
}

extension RawSpan {
    func byte(at offset: Int) -> UInt8 { unsafeLoadUnaligned(fromByteOffset: offset, as: UInt8.self) }
}
