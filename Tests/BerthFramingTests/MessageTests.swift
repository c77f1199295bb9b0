import BerthFraming
import Testing

@Suite("Every error is one exact sentence")
struct MessageTests {
    static let sentences: [(FramingError, String)] = [
        (
            FramingError(.lengthBelowMinimum(announced: 3, minimum: 8)),
            "the peer announced a frame of 3 bytes, less than the 8 bytes of its length prefix, which counts itself"
        ),
        (
            FramingError(.frameTooLarge(announced: 8 << 30, limit: .mebibytes(1), parameter: .maximumFrame)),
            "the peer announced a frame of 8 GiB, above the limit of 1 MiB that maximumFrame sets"
        ),
        (
            FramingError(.frameTooLarge(announced: nil, limit: .mebibytes(1), parameter: .maximumFrame)),
            "the peer sent a frame that is longer than 1 MiB, the limit that maximumFrame sets"
        ),
        (
            FramingError(.lengthNotRepresentable(announced: .max)),
            "the peer announced a frame of 18,446,744,073,709,551,615 bytes, which no memory can hold: "
                + "lengths end below 2^63"
        ),
        (
            FramingError(.lineTooLong(limit: .kibibytes(64))),
            "the peer sent a line that is longer than 64 KiB, the limit that maximumLine sets"
        ),
        (
            FramingError(.headersTooLarge(limit: .kibibytes(16))),
            "the header lines are longer than 16 KiB, the limit that maximumHeaders sets"
        ),
        (
            FramingError(.tooManyHeaderLines(limit: 100)),
            "there are more than 100 header lines, the limit that maximumHeaderLines sets"
        ),
        (FramingError(.malformedHeader(line: 2, problem: .noColon)), "header line 2 has no colon"),
        (
            FramingError(.malformedHeader(line: 2, problem: .emptyName)),
            "header line 2 has no name before its colon"
        ),
        (
            FramingError(.malformedHeader(line: 2, problem: .invalidName)),
            "header line 2 has a name with white space or another byte that no header name may hold"
        ),
        (
            FramingError(.malformedHeader(line: 3, problem: .folded)),
            "header line 3 begins with white space: folded header lines are not accepted"
        ),
        (
            FramingError(.malformedHeader(line: 2, problem: .controlCharacter)),
            "header line 2 holds a NUL or a CR in its value"
        ),
        (
            FramingError(.malformedHeader(line: 1, problem: .blank)),
            "header line 1 is blank, where a line has to be"
        ),
        (
            FramingError(.malformedHeader(line: 2, problem: .transferEncoding)),
            "header line 2 is a Transfer-Encoding: only Content-Length may tell the length of a body here"
        ),
        (
            FramingError(.duplicateContentLength),
            "there is more than one Content-Length header, so that the end of the body is in doubt"
        ),
        (
            FramingError(.invalidContentLength("+5")),
            "the Content-Length \"+5\" is not a plain number of bytes below 2^63"
        ),
        (
            FramingError(.truncated(have: 3, need: 1_048_584)),
            "the stream ended within a frame, after 3 of its 1,048,584 bytes"
        ),
        (
            FramingError(.truncated(have: 3, need: nil)),
            "the stream ended within a frame, after 3 bytes and before the mark that ends it"
        ),
        (
            FramingError(.invalidUTF8(offset: 2)),
            "the frame is not valid UTF-8 at offset 2; where a length prefix says how long it is, a likely "
                + "cause is a sender that counts characters instead of bytes"
        ),
        (
            FramingError(.bodyTooLarge(count: 11, limit: .bytes(10), parameter: .maximumBody)),
            "a body of 11 bytes is above the limit of 10 bytes that maximumBody sets"
        ),
        (
            FramingError(.lengthDoesNotFit(count: 256, prefixBytes: 1)),
            "a body of 256 bytes is too long for a length prefix of 1 byte"
        ),
        (
            FramingError(.forbiddenBytes(mark: "LF")),
            "the body holds LF, which ends a frame, so that it cannot be sent as one frame"
        ),
        (
            FramingError(.lengthRequired),
            "the length of the body has to be known before it is sent, because it precedes the body"
        ),
        (
            FramingError(.bodyLengthMismatch(announced: 10, sent: 7)),
            "a body of 10 bytes was announced, but 7 bytes were given"
        ),
        (
            FramingError(.wrongFixedLength(expected: 16, actual: 5)),
            "a body of 5 bytes was given, but every frame has exactly 16 bytes"
        ),
        (
            FramingError(.headNotSupported(count: 6)),
            "the frame has header lines (6 bytes), but this framing carries none"
        ),
        (
            FramingError(.conflictingContentLength(announced: 5, body: 7)),
            "the head says Content-Length: 5, but the body has 7 bytes"
        ),
        (FramingError(.custom("a frame begins with 0x2A")), "a frame begins with 0x2A"),
        (FramingError(.lengthRequired, hint: "why"), "\(FramingError(.lengthRequired)); why"),
    ]

    @Test("Sentence", arguments: sentences.indices)
    func sentence(index: Int) {
        let (error, text) = Self.sentences[index]
        #expect(error.description == text)
        #expect("\(error)" == text)
    }

    @Test("A length prefix that reads as text hints at another protocol")
    func otherProtocol() {
        let request = Array("GET / HTTP/1.1\r\n\r\n")
        var codec = LengthPrefix.selfCounting64()
        let error = #expect(throws: FramingError.self) { try codec.decode(request.span.bytes, atEnd: false) }
        #expect(
            error?.description
                == "the peer announced a frame of 5,135,603,447,292,250,188 bytes, above the limit of 1 MiB that "
                + "maximumFrame sets; its length prefix reads as the text \"GET / HT\": the peer may speak another "
                + "protocol")
        var short = LengthPrefix(bytes: .four)
        let second = #expect(throws: FramingError.self) {
            try short.decode(Array("\r\nHi").span.bytes, atEnd: false)
        }
        #expect(
            second?.hint == "its length prefix reads as the text \"\\r\\nHi\": the peer may speak another protocol")
    }

    @Test("Every framing has a short name and says its limit")
    func names() {
        let names: [(Framing, String, ByteCount)] = [
            (.raw, "raw chunks", .unlimited),
            (.selfCounting64, "length-prefix, 8 bytes big endian, counting itself, at most 1 MiB", .mebibytes(1)),
            (
                .lengthPrefix(bytes: .four, endian: .little, maximumFrame: .kibibytes(3)),
                "length-prefix, 4 bytes little endian, at most 3 KiB", .kibibytes(3)
            ),
            (.lengthPrefix(bytes: .one), "length-prefix, 1 byte, at most 1 MiB", .mebibytes(1)),
            (.lines, "lines ending in LF or CRLF, at most 64 KiB", .kibibytes(64)),
            (.lines(ending: .lf), "lines ending in LF, at most 64 KiB", .kibibytes(64)),
            (.lines(ending: .crlf), "lines ending in CRLF, at most 64 KiB", .kibibytes(64)),
            (.delimiter("\r\n\"\u{0}"), "frames ending in \"\\r\\n\\\"\\x00\", at most 1 MiB", .mebibytes(1)),
            (.fixedLength(.bytes(16)), "fixed length, 16 bytes", .bytes(16)),
            (.untilClose(), "until close, at most 1 MiB", .mebibytes(1)),
            (.headers, "headers of at most 16 KiB and a body of at most 1 MiB", .mebibytes(1)),
            (
                .headers(firstLine: .start), "a start line, headers of at most 16 KiB and a body of at most 1 MiB",
                .mebibytes(1)
            ),
            (.custom(RawChunks(), name: "netstrings", maximumFrame: .bytes(9)), "netstrings", .bytes(9)),
        ]
        for (framing, name, limit) in names {
            #expect(framing.description == name)
            #expect(framing.maximumFrame == limit)
        }
    }
}
