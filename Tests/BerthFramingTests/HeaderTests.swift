import BerthTesting
import Testing

@testable import BerthFraming

@Suite("Header lines that two readers could understand differently are refused")
struct HeaderTests {
    static let refused: [(String, FramingError.Code)] = [
        ("A 1\r\n\r\n", .malformedHeader(line: 1, problem: .noColon)),
        ("A: 1\r\n: 2\r\n\r\n", .malformedHeader(line: 2, problem: .emptyName)),
        ("A : 1\r\n\r\n", .malformedHeader(line: 1, problem: .invalidName)),
        ("A B: 1\r\n\r\n", .malformedHeader(line: 1, problem: .invalidName)),
        (" A: 1\r\n\r\n", .malformedHeader(line: 1, problem: .folded)),
        ("A: 1\r\n\tmore\r\n\r\n", .malformedHeader(line: 2, problem: .folded)),
        ("A: 1\rB: 2\r\n\r\n", .malformedHeader(line: 1, problem: .controlCharacter)),
        ("A: \u{0}\r\n\r\n", .malformedHeader(line: 1, problem: .controlCharacter)),
        ("Transfer-Encoding: chunked\r\n\r\n", .malformedHeader(line: 1, problem: .transferEncoding)),
        ("Content-Length: 1\r\ncontent-length: 1\r\n\r\nx", .duplicateContentLength),
        ("Content-Length: +5\r\n\r\n", .invalidContentLength("+5")),
        ("Content-Length: -5\r\n\r\n", .invalidContentLength("-5")),
        ("Content-Length: 1 2\r\n\r\n", .invalidContentLength("1 2")),
        ("Content-Length: 5, 5\r\n\r\n", .invalidContentLength("5, 5")),
        ("Content-Length: 0x5\r\n\r\n", .invalidContentLength("0x5")),
        ("Content-Length:\r\n\r\n", .invalidContentLength("")),
        ("Content-Length: ５\r\n\r\n", .invalidContentLength("...")),
        ("Content-Length: 9223372036854775808\r\n\r\n", .invalidContentLength("9223372036854775808")),
        (
            "Content-Length: 9223372036854775807\r\n\r\n",
            .frameTooLarge(announced: UInt64(Int.max), limit: .mebibytes(1), parameter: .maximumBody)
        ),
    ]

    @Test("Refused", arguments: refused.indices)
    func refusal(index: Int) {
        let (text, code) = Self.refused[index]
        let bytes = Array(text.utf8)
        for streamed in [false, true] {
            for pieces in [[bytes[...]], bytes.indices.map { bytes[$0...$0] }] {
                let seen = StreamPlayer.play(HeadersAndBody(), pieces, streamed: streamed)
                #expect(seen.ending == .failed(FramingError(code)) && seen.frames.isEmpty)
            }
        }
    }

    @Test("A length whose sum with the head overflows is refused without a limit too")
    func overflow() {
        let bytes = Array("Content-Length: 9223372036854775807\r\n\r\n".utf8)
        let seen = StreamPlayer.play(HeadersAndBody(maximumBody: .unlimited), [bytes[...]])
        #expect(seen.ending == .failed(FramingError(.lengthNotRepresentable(announced: UInt64(Int.max)))))
    }

    @Test("A start line is kept as it is, has to be there, and counts as a line")
    func startLine() {
        let codec = HeadersAndBody(maximumHeaderLines: 2, firstLine: .start)
        let play = { (text: String) in StreamPlayer.play(codec, [Array(text.utf8)[...]]) }
        let seen = play("Content-Length: 9\r\nA: b\n\r\n")
        #expect(seen.frames == [Frame(head: Array("Content-Length: 9\r\nA: b\n".utf8), body: [])])
        #expect(play("\r\n").ending == .failed(FramingError(.malformedHeader(line: 1, problem: .blank))))
        #expect(play(" GET\r\n").ending == .failed(FramingError(.malformedHeader(line: 1, problem: .folded))))
        #expect(play("G\rT\r\n").ending == .failed(FramingError(.malformedHeader(line: 1, problem: .controlCharacter))))
        #expect(play("GET\nA:1\nB:2\n\n").ending == .failed(FramingError(.tooManyHeaderLines(limit: 2))))
    }

    @Test("A frame without any header line has an empty head and body")
    func noHeaders() {
        let seen = StreamPlayer.play(HeadersAndBody(), [Array("\r\n\n".utf8)[...]])
        #expect(seen == Transcript(frames: [Frame(body: []), Frame(body: [])], ending: .end))
    }

    @Test("Names are found in any case; values lose the white space around them")
    func fields() {
        let fields = HeaderFields(
            Array("GET / HTTP/1.1\r\nHost:  a \r\nX: 1\nx: 2\r\nNo colon\r\nLast:".utf8).span.bytes)
        #expect(fields.startLine == "GET / HTTP/1.1")
        #expect(fields.map(\.name) == ["Host", "X", "x", "Last"])
        #expect(fields["HOST"] == "a" && fields["last"] == "" && fields["none"] == nil)
        #expect(fields.values("X") == ["1", "2"])
        #expect(HeaderFields(RawSpan()).isEmpty)
    }

    @Test("Header lines that are built are read again; a line end in a value cannot smuggle one in")
    func building() throws {
        var fields = try HeaderFields(startLine: "STATUS ok")
        try fields.append("A", "1")
        #expect(throws: FramingError(.malformedHeader(line: 3, problem: .controlCharacter))) {
            try fields.append("B", "x\r\nContent-Length: 0")
        }
        #expect(throws: FramingError(.malformedHeader(line: 3, problem: .invalidName))) { try fields.append("B:", "x") }
        #expect(throws: FramingError(.malformedHeader(line: 3, problem: .emptyName))) { try fields.append("", "x") }
        #expect(throws: FramingError(.malformedHeader(line: 1, problem: .blank))) { try HeaderFields(startLine: "") }
        #expect(String(decoding: fields.encoded, as: UTF8.self) == "STATUS ok\r\nA: 1\r\n")
        #expect(Frame(headers: fields).headers == fields)
    }
}
