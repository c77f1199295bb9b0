import BerthTesting
import Testing

@testable import BerthFraming

@Suite("Frames, texts and the byte queue")
struct FrameTests {
    @Test("Text is strict UTF-8, and the error says where it breaks")
    func text() throws {
        #expect(try Frame(text: "né 你好").text() == "né 你好")
        #expect(try Frame(text: "").text() == "")
        let broken: [([UInt8], Int)] = [
            ([0x61, 0xC3], 1), ([0x61, 0x62, 0xC3, 0x28], 2), ([0xFF], 0), ([0xC0, 0x80], 0), ([0xED, 0xA0, 0x80], 0),
            ([0x61, 0xF4, 0x90, 0x80, 0x80], 1), ([0xE4, 0xBD, 0xA0, 0x80], 3),
        ]
        for (bytes, offset) in broken {
            #expect(throws: FramingError(.invalidUTF8(offset: offset)), "\(bytes)") { try Frame(body: bytes).text() }
        }
    }

    @Test("A sender that counts characters is found by the text that its frame cuts off")
    func countedCharacters() throws {
        // "éa" with a length of two characters: the frame ends before the a, the next one begins with it.
        let stream: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 10, 0xC3, 0xA9, 0x61]
        let cut: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 9, 0xC3, 0xA9]
        #expect(try StreamPlayer.play(Framing.selfCounting64, [stream[...]]).frames.map { try $0.text() } == ["é"])
        let frames = StreamPlayer.play(Framing.selfCounting64, [cut[...]]).frames
        #expect(throws: FramingError(.invalidUTF8(offset: 0))) { try frames.first?.text() }
    }

    @Test("A borrowed frame is a view of the buffer, and can be copied and encoded")
    func borrowed() throws {
        var codec = HeadersAndBody()
        var queue = ByteQueue()
        queue.append("Content-Length: 2\r\n\r\nab")
        guard case .frame(let extent) = try codec.decode(queue.bytes, atEnd: false) else {
            Issue.record("no frame")
            return
        }
        let frame = BorrowedFrame(extent, in: queue.bytes)
        #expect(try frame.text() == "ab")
        #expect(frame.headers["content-length"] == "2")
        #expect(Frame(copying: frame) == Frame(head: Array("Content-Length: 2\r\n"), body: Array("ab")))
        var output = ByteQueue()
        try codec.encode(frame, into: &output)
        #expect(try String(strict: output.bytes) == "Content-Length: 2\r\n\r\nab")
    }

    @Test("A codec decodes from a queue that lives beside it in one value")
    func storedTogether() throws {
        struct Stream: ~Copyable {
            var codec = Framing.lines
            var queue = ByteQueue()

            mutating func next() throws -> FrameStep { try codec.decode(queue, atEnd: true) }
            mutating func nextPart() throws -> FramePart { try codec.decodePart(queue, atEnd: true) }
        }
        var stream = Stream()
        stream.queue.append("ab\n")
        #expect(try stream.next() == .frame(FrameExtent(body: 0..<2, consumed: 3)))
        #expect(try stream.nextPart() == .begin(head: 0..<0, bodyCount: nil, consumed: 0))
        #expect(try stream.nextPart() == .chunk(0..<2, consumed: 2))
    }

    @Test("The queue keeps its bytes in order while it moves and grows")
    func queue() {
        var random = SeededGenerator(seed: 7)
        var queue = ByteQueue()
        var model: [UInt8] = []
        for _ in 0..<2_000 {
            let piece = (0..<Int.random(in: 0...300, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            queue.append(piece)
            model += piece
            let count = Int.random(in: 0...min(queue.count, 400), using: &random)
            queue.consume(count)
            model.removeFirst(count)
            if Int.random(in: 0..<8, using: &random) == 0 {
                let last = Int.random(in: 0...min(queue.count, 20), using: &random)
                queue.removeLast(last)
                model.removeLast(last)
            }
            #expect(Array(copying: queue.bytes) == model)
            if Int.random(in: 0..<50, using: &random) == 0 {
                queue.removeAll()
                model = []
                queue.releaseIfEmpty()
                #expect(queue.allocatedCount == 0)
            }
        }
    }

    @Test("Bytes are found at every offset and length")
    func search() {
        for count in 0..<100 {
            for position in 0..<count {
                var bytes = [UInt8](repeating: 1, count: count)
                bytes[position] = 9
                #expect(ByteSearch.firstIndex(of: 9, in: bytes.span.bytes) == position)
                #expect(ByteSearch.firstIndex(of: 9, in: bytes.span.bytes, from: position + 1) == nil)
            }
        }
    }
}

@Suite("Byte counts as text")
struct ByteCountTests {
    @Test("A count is described in the largest unit that divides it")
    func description() {
        let table: [(ByteCount, String)] = [
            (.bytes(0), "0 bytes"), (.bytes(1), "1 byte"), (.bytes(1_000), "1,000 bytes"), (.kibibytes(1), "1 KiB"),
            (.bytes(1_025), "1,025 bytes"), (.kibibytes(64), "64 KiB"), (.kibibytes(1_536), "1,536 KiB"),
            (.mebibytes(1), "1 MiB"), (.gibibytes(2), "2 GiB"), (.gibibytes(1 << 10), "1 TiB"),
            (.bytes(1_234_567), "1,234,567 bytes"), (.unlimited, "unlimited"), (.bytes(-5), "0 bytes"),
            (.gibibytes(.max), "unlimited"),
        ]
        for (count, text) in table { #expect(count.description == text) }
    }

    @Test("An option is read in every unit, and garbage is not")
    func parsing() {
        let table: [(String, Int?)] = [
            ("0", 0), ("512", 512), ("64k", 65_536), ("64K", 65_536), ("64KiB", 65_536), ("1 MiB", 1 << 20),
            ("1m", 1 << 20), ("1.5m", 3 << 19), ("0.5k", 512), ("2g", 2 << 30), ("1t", 1 << 40), ("7b", 7),
            ("1 byte", 1), ("10 bytes", 10), ("unlimited", Int.max), ("9223372036854775807", Int.max),
            ("", nil), (" 1", nil), ("1 ", nil), ("-1", nil), ("+1", nil), ("1.5", nil), ("1.", nil), (".5k", nil),
            ("0.3k", nil), ("1kB", nil), ("1MB", nil), ("1  k", nil), ("k", nil), ("1e3", nil), ("0x10", nil),
            ("9223372036854775808", nil), ("9007199254740992k", nil), ("8388608t", nil), ("1,000", nil), ("１", nil),
            ("1.0000000001k", nil),
        ]
        for (text, bytes) in table {
            #expect(ByteCount(parsing: text)?.bytes == bytes, "\(text)")
        }
    }
}
