import BerthFraming
import Testing

@Suite("Encoding refuses what would not be read as the same frame")
struct EncodingTests {
    /// What `framing` makes of one frame.
    private func encode(_ framing: Framing, _ body: String, head: String = "") throws -> String {
        var framing = framing
        var output = ByteQueue()
        try framing.encode(Frame(head: Array(head), body: Array(body)), into: &output)
        let bytes = output.withUnsafeBytes { Array($0) }
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test("A line holds no line end")
    func lines() throws {
        #expect(try encode(.lines, "abc") == "abc\n")
        #expect(try encode(.lines(ending: .crlf), "a\nb\rc") == "a\nb\rc\r\n")
        #expect(try encode(.lines(ending: .crlf), "a\r") == "a\r\r\n")
        #expect(try encode(.lines(ending: .lf), "a\r") == "a\r\n")
        let lf = FramingError(.forbiddenBytes(mark: "LF"))
        #expect(throws: lf) { try encode(.lines, "a\nb") }
        #expect(throws: lf) { try encode(.lines, "a\n") }
        #expect(throws: FramingError(.forbiddenBytes(mark: "CR LF"))) { try encode(.lines(ending: .crlf), "a\r\n") }
        #expect(throws: FramingError(.forbiddenBytes(mark: "a CR before the line end"))) {
            try encode(.lines, "a\r")
        }
    }

    @Test("A line that includes its line end gets no second one")
    func includedTerminator() throws {
        let framing = Framing.lines(includesTerminator: true, maximumLine: .bytes(3))
        #expect(try encode(framing, "abc") == "abc\n")
        #expect(try encode(framing, "abc\n") == "abc\n")
        #expect(try encode(framing, "abc\r\n") == "abc\r\n")
        #expect(throws: FramingError(.forbiddenBytes(mark: "LF"))) { try encode(framing, "a\nb\n") }
        #expect(throws: FramingError(.forbiddenBytes(mark: "LF"))) { try encode(framing, "a\n\n") }
        #expect(throws: FramingError.self) { try encode(framing, "abcd\n") }
        #expect(throws: FramingError.self) { try encode(framing, "abc\r") }
    }

    @Test("A mark that is split over two chunks is found")
    func splitMarks() throws {
        var lines = Lines(ending: .crlf)
        var output = ByteQueue()
        try lines.encodeBegin(head: RawSpan(), bodyCount: nil, into: &output)
        try lines.encodeChunk(Array("a\r").span.bytes)
        #expect(throws: FramingError(.forbiddenBytes(mark: "CR LF"))) {
            try lines.encodeChunk(Array("\nb").span.bytes)
        }
        var delimiter = Delimiter(Array("END"))
        try delimiter.encodeBegin(head: RawSpan(), bodyCount: nil, into: &output)
        try delimiter.encodeChunk(Array("xEN").span.bytes)
        #expect(throws: FramingError(.forbiddenBytes(mark: "the sequence \"END\""))) {
            try delimiter.encodeChunk(Array("D").span.bytes)
        }
    }

    @Test("A body whose end and the delimiter's beginning make a delimiter is refused")
    func overlap() throws {
        #expect(try encode(.delimiter("aab"), "xa") == "xaaab")
        #expect(throws: FramingError(.forbiddenBytes(mark: "the sequence \"aa\""))) {
            try encode(.delimiter("aa"), "xa")
        }
    }

    @Test("A body whose length was announced has to come to it")
    func announcedLength() throws {
        for codec in [Framing.selfCounting64, .headers] {
            var codec = codec
            var output = ByteQueue()
            #expect(throws: FramingError(.lengthRequired)) {
                try codec.encodeBegin(head: RawSpan(), bodyCount: nil, into: &output)
            }
            try codec.encodeBegin(head: RawSpan(), bodyCount: 3, into: &output)
            try codec.encodeChunk(([1, 2] as [UInt8]).span.bytes)
            #expect(throws: FramingError(.bodyLengthMismatch(announced: 3, sent: 2))) {
                try codec.encodeEnd(into: &output)
            }
            #expect(throws: FramingError(.bodyLengthMismatch(announced: 3, sent: 4))) {
                try codec.encodeChunk(([1, 2] as [UInt8]).span.bytes)
            }
            #expect(throws: FramingError(.bodyLengthMismatch(announced: 3, sent: 2))) {
                try codec.encodeBegin(head: RawSpan(), bodyCount: 0, into: &output)
            }
            try codec.encodeChunk(([3] as [UInt8]).span.bytes)
            try codec.encodeEnd(into: &output)
            try codec.encode("next", into: &output)
        }
        var fixed = FixedLength(.bytes(2))
        var output = ByteQueue()
        #expect(throws: FramingError(.wrongFixedLength(expected: 2, actual: 3))) {
            try fixed.encode("abc", into: &output)
        }
        try fixed.encodeBegin(head: RawSpan(), bodyCount: nil, into: &output)
        #expect(throws: FramingError(.wrongFixedLength(expected: 2, actual: 0))) { try fixed.encodeEnd(into: &output) }
    }

    @Test("Framings without headers refuse a head, and a stream that is one frame a second one")
    func unsupported() throws {
        for framing: Framing in [
            .raw, .selfCounting64, .lines, .delimiter("|"), .fixedLength(.bytes(1)), .untilClose(),
        ] {
            #expect(throws: FramingError(.headNotSupported(count: 4)), "\(framing)") {
                try encode(framing, "a", head: "A:1\n")
            }
        }
        var codec = UntilClose()
        var output = ByteQueue()
        try codec.encode("one", into: &output)
        #expect(throws: FramingError(.custom("the whole stream is one frame, so that no second one can be sent"))) {
            try codec.encode("two", into: &output)
        }
        #expect(output.count == 3)
    }

    @Test("Header lines get CRLF, a Content-Length and a blank line")
    func headers() throws {
        #expect(try encode(.headers, "hello", head: "A: 1\nB:2") == "A: 1\r\nB:2\r\nContent-Length: 5\r\n\r\nhello")
        #expect(try encode(.headers, "") == "Content-Length: 0\r\n\r\n")
        #expect(try encode(.headers, "hello", head: "content-length: 5\r\n") == "content-length: 5\r\n\r\nhello")
        let start = Framing.headers(firstLine: .start)
        #expect(try encode(start, "x", head: "GET / HTTP/1.1\r\n") == "GET / HTTP/1.1\r\nContent-Length: 1\r\n\r\nx")
    }

    static let refusedHeads: [(String, FramingError.Code)] = [
        ("Content-Length: 4\n", .conflictingContentLength(announced: 4, body: 5)),
        ("Content-Length: 5\nContent-Length: 5\n", .duplicateContentLength),
        ("A: 1\n\n", .malformedHeader(line: 2, problem: .blank)),
        ("\r\nA: 1\n", .malformedHeader(line: 1, problem: .blank)),
        ("A 1\n", .malformedHeader(line: 1, problem: .noColon)),
        ("A: 1\n B: 2\n", .malformedHeader(line: 2, problem: .folded)),
        ("A: \(String(repeating: "x", count: 45))\n", .headersTooLarge(limit: .bytes(50))),
        ("A: \(String(repeating: "x", count: 27))\n", .headersTooLarge(limit: .bytes(50))),
        ("A: 1\nB: 2\nC: 3\n", .tooManyHeaderLines(limit: 3)),
        ("A: 1\nB: 2\nC: 3\nD: 4\n", .tooManyHeaderLines(limit: 3)),
    ]

    @Test("A head that the other side would refuse is refused, and nothing is written", arguments: refusedHeads.indices)
    func refusedHead(index: Int) {
        let (head, code) = Self.refusedHeads[index]
        var codec = HeadersAndBody(maximumHeaders: .bytes(50), maximumHeaderLines: 3)
        var output = ByteQueue()
        #expect(throws: FramingError(code)) {
            try codec.encode(Frame(head: Array(head.utf8), body: Array("hello".utf8)), into: &output)
        }
        #expect(output.count == 0)
    }
}
