import BerthTesting
import Testing

@testable import BerthFraming

@Suite("Every codec keeps the contract of FrameCodec")
struct ConformanceTests {
    private func expectConformance<Codec: FrameCodec>(
        _ codec: Codec, frames: [Frame], keepsBounds: Bool = true, deliversTail: Bool = false,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let suite = CodecConformance(codec, frames: frames, keepsBounds: keepsBounds, deliversTail: deliversTail)
        #expect(suite.violations() == [], sourceLocation: sourceLocation)
    }

    static let bodies = ["", "a", "hello, world", "", "a\u{0}é\u{7F}", String(repeating: "x", count: 70)].map(
        Frame.init(text:))

    @Test(
        "Length prefixes of every width, byte order and meaning", arguments: LengthPrefix.Width.allCases,
        LengthPrefix.Endian.allCases)
    func lengthPrefix(width: LengthPrefix.Width, endian: LengthPrefix.Endian) {
        for counts in LengthPrefix.Counts.allCases {
            expectConformance(
                LengthPrefix(bytes: width, endian: endian, counts: counts, maximumFrame: .bytes(80)),
                frames: Self.bodies
            )
        }
    }

    @Test(
        "Lines with every line end, with and without it in the frame", arguments: Lines.Ending.allCases, [false, true])
    func lines(ending: Lines.Ending, includesTerminator: Bool) {
        let mark = includesTerminator ? (ending == .crlf ? "\r\n" : "\n") : ""
        let texts = ["a", "", "hello, world", "one\rtwo", String(repeating: "x", count: 79)].map {
            Frame(text: $0 + mark)
        }
        for last in Lines.UnterminatedLast.allCases {
            expectConformance(
                Lines(
                    ending: ending, includesTerminator: includesTerminator, maximumLine: .bytes(80),
                    unterminatedLast: last),
                frames: texts, deliversTail: last == .deliver
            )
        }
    }

    @Test(
        "Delimiters, also those that overlap themselves", arguments: ["|", "END", "aab", "abab", "\r\n.\r\n", "\u{0}"])
    func delimiter(text: String) {
        let frames = ["x", "", "aa ba", "E EN", "\r\n", String(repeating: "y", count: 80)].map(Frame.init(text:))
        expectConformance(
            Delimiter(Array(text), maximumFrame: .bytes(80)), frames: frames)
    }

    @Test("Frames of a fixed length", arguments: [1, 2, 7])
    func fixedLength(size: Int) {
        let frames = (0..<5).map { Frame(body: [UInt8](repeating: 0x40 + $0, count: size)) }
        expectConformance(
            FixedLength(.bytes(size)), frames: frames)
    }

    @Test("A frame that ends with the stream", arguments: ["", "a", "hello, world"])
    func untilClose(text: String) {
        expectConformance(
            UntilClose(maximumFrame: .bytes(80)), frames: [Frame(text: text)], deliversTail: true
        )
    }

    @Test("Raw chunks")
    func rawChunks() {
        expectConformance(
            RawChunks(), frames: Self.bodies, keepsBounds: false, deliversTail: true)
    }

    @Test("Headers and body, with and without a start line", arguments: HeadersAndBody.FirstLine.allCases)
    func headers(firstLine: HeadersAndBody.FirstLine) {
        let start = firstLine == .start ? "PUT /a b: c\r\n" : ""
        let frames = [
            Frame(head: Array("\(start)Content-Length: 5\r\n"), body: Array("hello")),
            Frame(head: Array("\(start)A: 1\r\ncontent-LENGTH:0\r\nB:  2 \r\n"), body: []),
            Frame(head: Array("\(start)Content-Length: 4\r\n"), body: Array("\r\n\r\n")),
        ]
        expectConformance(
            HeadersAndBody(maximumHeaders: .bytes(80), maximumBody: .bytes(80), firstLine: firstLine),
            frames: frames
        )
    }

    static let framings: [Framing] = [
        .selfCounting64(maximumFrame: .bytes(80)), .lengthPrefix(bytes: .two, maximumFrame: .bytes(80)),
        .delimiter("END", maximumFrame: .bytes(80)), .custom(LengthPrefix(bytes: .four, maximumFrame: .bytes(80))),
    ]

    @Test("Framing hands every call to the codec it holds", arguments: framings)
    func framing(framing: Framing) {
        expectConformance(
            framing, frames: Self.bodies)
    }

    @Test("Framing holds codecs of one frame, of lines, of fixed size, of headers and none at all")
    func otherFramings() {
        let lines = [Frame(text: "a"), Frame(text: "")]
        expectConformance(
            Framing.lines, frames: lines, deliversTail: true)
        expectConformance(
            Framing.fixedLength(.bytes(2)), frames: [Frame(text: "ab")])
        expectConformance(
            Framing.untilClose(), frames: [Frame(text: "ab")], deliversTail: true)
        expectConformance(
            Framing.raw, frames: lines, keepsBounds: false, deliversTail: true)
        let frame = Frame(head: Array("Content-Length: 2\r\n"), body: Array("ab"))
        expectConformance(
            Framing.headers, frames: [frame, frame])
    }
}
