import Testing

@testable import BerthFraming

@Suite("Every codec keeps the contract of FrameCodec")
struct ConformanceTests {
    static let bodies = ["", "a", "hello, world", "", "a\u{0}é\u{7F}", String(repeating: "x", count: 70)].map(
        Frame.init(text:))

    @Test(
        "Length prefixes of every width, byte order and meaning", arguments: LengthPrefix.Width.allCases,
        LengthPrefix.Endian.allCases)
    func lengthPrefix(width: LengthPrefix.Width, endian: LengthPrefix.Endian) throws {
        for counts in LengthPrefix.Counts.allCases {
            try CodecConformance(
                codec: LengthPrefix(bytes: width, endian: endian, counts: counts, maximumFrame: .bytes(80)),
                frames: Self.bodies
            ).check()
        }
    }

    @Test(
        "Lines with every line end, with and without it in the frame", arguments: Lines.Ending.allCases, [false, true])
    func lines(ending: Lines.Ending, includesTerminator: Bool) throws {
        let mark = includesTerminator ? (ending == .crlf ? "\r\n" : "\n") : ""
        let texts = ["a", "", "hello, world", "one\rtwo", String(repeating: "x", count: 79)].map {
            Frame(text: $0 + mark)
        }
        for last in Lines.UnterminatedLast.allCases {
            try CodecConformance(
                codec: Lines(
                    ending: ending, includesTerminator: includesTerminator, maximumLine: .bytes(80),
                    unterminatedLast: last),
                frames: texts, deliversTail: last == .deliver
            ).check()
        }
    }

    @Test(
        "Delimiters, also those that overlap themselves", arguments: ["|", "END", "aab", "abab", "\r\n.\r\n", "\u{0}"])
    func delimiter(text: String) throws {
        let frames = ["x", "", "aa ba", "E EN", "\r\n", String(repeating: "y", count: 80)].map(Frame.init(text:))
        try CodecConformance(codec: Delimiter(Array(text), maximumFrame: .bytes(80)), frames: frames).check()
    }

    @Test("Frames of a fixed length", arguments: [1, 2, 7])
    func fixedLength(size: Int) throws {
        let frames = (0..<5).map { Frame(body: [UInt8](repeating: 0x40 + $0, count: size)) }
        try CodecConformance(codec: FixedLength(.bytes(size)), frames: frames).check()
    }

    @Test("A frame that ends with the stream", arguments: ["", "a", "hello, world"])
    func untilClose(text: String) throws {
        try CodecConformance(
            codec: UntilClose(maximumFrame: .bytes(80)), frames: [Frame(text: text)], deliversTail: true
        ).check()
    }

    @Test("Raw chunks")
    func rawChunks() throws {
        try CodecConformance(codec: RawChunks(), frames: Self.bodies, keepsBounds: false, deliversTail: true).check()
    }

    @Test("Headers and body, with and without a start line", arguments: HeadersAndBody.FirstLine.allCases)
    func headers(firstLine: HeadersAndBody.FirstLine) throws {
        let start = firstLine == .start ? "PUT /a b: c\r\n" : ""
        let frames = [
            Frame(head: Array("\(start)Content-Length: 5\r\n"), body: Array("hello")),
            Frame(head: Array("\(start)A: 1\r\ncontent-LENGTH:0\r\nB:  2 \r\n"), body: []),
            Frame(head: Array("\(start)Content-Length: 4\r\n"), body: Array("\r\n\r\n")),
        ]
        try CodecConformance(
            codec: HeadersAndBody(maximumHeaders: .bytes(80), maximumBody: .bytes(80), firstLine: firstLine),
            frames: frames
        ).check()
    }

    static let framings: [Framing] = [
        .selfCounting64(maximumFrame: .bytes(80)), .lengthPrefix(bytes: .two, maximumFrame: .bytes(80)),
        .delimiter("END", maximumFrame: .bytes(80)), .custom(LengthPrefix(bytes: .four, maximumFrame: .bytes(80))),
    ]

    @Test("Framing hands every call to the codec it holds", arguments: framings)
    func framing(framing: Framing) throws {
        try CodecConformance(codec: framing, frames: Self.bodies).check()
    }

    @Test("Framing holds codecs of one frame, of lines, of fixed size, of headers and none at all")
    func otherFramings() throws {
        let lines = [Frame(text: "a"), Frame(text: "")]
        try CodecConformance(codec: Framing.lines, frames: lines, deliversTail: true).check()
        try CodecConformance(codec: Framing.fixedLength(.bytes(2)), frames: [Frame(text: "ab")]).check()
        try CodecConformance(codec: Framing.untilClose(), frames: [Frame(text: "ab")], deliversTail: true).check()
        try CodecConformance(codec: Framing.raw, frames: lines, keepsBounds: false, deliversTail: true).check()
        let frame = Frame(head: Array("Content-Length: 2\r\n"), body: Array("ab"))
        try CodecConformance(codec: Framing.headers, frames: [frame, frame]).check()
    }
}
