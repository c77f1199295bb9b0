import BerthTesting
import Testing

@testable import BerthFraming

/// One stream at a limit and one above it; the error has to come however the stream is split.
struct LimitCase: Sendable, CustomTestStringConvertible {
    let framing: Framing
    let accepted: [UInt8]
    let refused: [UInt8]
    let code: FramingError.Code
    /// The most bytes of the refused stream that may wait before it is refused.
    let kept: Int

    var testDescription: String { "\(framing): \(code)" }
}

@Suite("Limits hold exactly, and before a body is kept")
struct LimitTests {
    static let x10 = String(repeating: "x", count: 10)
    static let frame10 = FramingError.Code.frameTooLarge(announced: nil, limit: .bytes(10), parameter: .maximumFrame)
    static let headers = Framing.headers(maximumHeaders: .bytes(21), maximumHeaderLines: 2, maximumBody: .bytes(10))

    static let cases = [
        LimitCase(
            framing: .selfCounting64(maximumFrame: .bytes(10)), accepted: [0, 0, 0, 0, 0, 0, 0, 18] + Array(x10),
            refused: [0, 0, 0, 0, 0, 0, 0, 19] + Array(x10) + [1],
            code: .frameTooLarge(announced: 11, limit: .bytes(10), parameter: .maximumFrame), kept: 8),
        LimitCase(
            framing: .selfCounting64, accepted: [0, 0, 0, 0, 0, 0, 0, 8], refused: [0, 0, 0, 0, 0, 0, 0, 7],
            code: .lengthBelowMinimum(announced: 7, minimum: 8), kept: 8),
        LimitCase(
            framing: .selfCounting64, accepted: [], refused: [0x80, 0, 0, 0, 0, 0, 0, 0],
            code: .lengthNotRepresentable(announced: 1 << 63), kept: 8),
        LimitCase(
            framing: .lengthPrefix(bytes: .eight, maximumFrame: .unlimited), accepted: [],
            refused: [0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
            code: .lengthNotRepresentable(announced: (1 << 63) - 1), kept: 8),
        LimitCase(
            framing: .lengthPrefix(bytes: .two, endian: .little, maximumFrame: .bytes(10)),
            accepted: [10, 0] + Array(x10), refused: [11, 0] + Array(x10),
            code: .frameTooLarge(announced: 11, limit: .bytes(10), parameter: .maximumFrame), kept: 2),
        LimitCase(
            framing: .lines(ending: .lf, maximumLine: .bytes(10)), accepted: Array("\(x10)\n"),
            refused: Array("\(x10)x\n"), code: .lineTooLong(limit: .bytes(10)), kept: 11),
        LimitCase(
            framing: .lines(ending: .lf, maximumLine: .bytes(10)), accepted: Array(x10),
            refused: Array("\(x10)\r\n"), code: .lineTooLong(limit: .bytes(10)), kept: 11),
        LimitCase(
            framing: .lines(ending: .either, maximumLine: .bytes(10)), accepted: Array("\(x10)\r\n"),
            refused: Array("\(x10)\rx\n"), code: .lineTooLong(limit: .bytes(10)), kept: 12),
        LimitCase(
            framing: .lines(ending: .crlf, maximumLine: .bytes(10)), accepted: Array("\(x10)\r\n"),
            refused: Array("\(x10)\r\r\n"), code: .lineTooLong(limit: .bytes(10)), kept: 12),
        LimitCase(
            framing: .delimiter("END", maximumFrame: .bytes(10)), accepted: Array("\(x10)END"),
            refused: Array("\(x10)xEND"), code: frame10, kept: 13),
        LimitCase(
            framing: .delimiter("aab", maximumFrame: .bytes(10)), accepted: Array("xxxxxxxxxaaab"),
            refused: Array("xxxxxxxxxxaaab"), code: frame10, kept: 13),
        LimitCase(
            framing: .untilClose(maximumFrame: .bytes(10)), accepted: Array(x10), refused: Array(x10 + "x"),
            code: frame10, kept: 11),
        LimitCase(
            framing: headers, accepted: Array("Content-Length: 10 \r\n\r\n\(x10)"),
            refused: Array("Content-Length: 11 \r\n\r\n\(x10)x"),
            code: .frameTooLarge(announced: 11, limit: .bytes(10), parameter: .maximumBody), kept: 23),
        LimitCase(
            framing: headers, accepted: Array("Name: 789012345678\n\r\n\n"),
            refused: Array("Name: 78901234567890\r\n\r\n"), code: .headersTooLarge(limit: .bytes(21)), kept: 21),
        LimitCase(
            framing: headers, accepted: Array("A:1\nB:2\n\n"), refused: Array("A:1\nB:2\nC:3\n\n"),
            code: .tooManyHeaderLines(limit: 2), kept: 12),
    ]

    @Test("What is at the limit passes, what is one above it does not", arguments: cases)
    func limit(limit: LimitCase) {
        for streamed in [false, true] {
            let single = { (bytes: [UInt8]) in bytes.indices.map { bytes[$0...$0] } }
            for pieces in [[limit.accepted[...]], single(limit.accepted)] {
                let accepted = StreamPlayer.play(limit.framing, pieces, streamed: streamed)
                #expect(accepted.ending == .end && accepted.violation == nil, "streamed \(streamed): \(accepted)")
            }
            for pieces in [[limit.refused[...]], single(limit.refused)] {
                let refused = StreamPlayer.play(limit.framing, pieces, streamed: streamed, ends: true)
                #expect(refused.ending == .failed(expected(limit)), "streamed \(streamed): \(refused)")
                #expect(refused.violation == nil)
                if pieces.count > 1 { #expect(refused.largestQueue <= limit.kept) }
            }
        }
    }

    private func expected(_ limit: LimitCase) -> FramingError { FramingError(limit.code) }

    @Test("A body above the limit is refused for sending, and nothing is written")
    func sending() {
        let body = [UInt8](repeating: 0x78, count: 11)
        let framings: [Framing] = [
            .selfCounting64(maximumFrame: .bytes(10)), .lines(maximumLine: .bytes(10)),
            .lines(includesTerminator: true, maximumLine: .bytes(10)), .delimiter("|", maximumFrame: .bytes(10)),
            .untilClose(maximumFrame: .bytes(10)), .headers(maximumBody: .bytes(10)),
        ]
        for var framing in framings {
            var output = ByteQueue()
            #expect(throws: FramingError.self, "\(framing)") { try framing.encode(body, into: &output) }
            #expect(output.count == 0)
            #expect(throws: Never.self, "\(framing)") { try framing.encode(Array(body.dropLast()), into: &output) }
        }
    }

    @Test("A body that its length prefix cannot count is refused")
    func width() {
        for (width, largest) in [(LengthPrefix.Width.one, 255), (.two, 65_535)] {
            for counts in LengthPrefix.Counts.allCases {
                var codec = LengthPrefix(bytes: width, counts: counts)
                let most = counts == .body ? largest : largest - width.rawValue
                var output = ByteQueue()
                #expect(throws: Never.self) { try codec.encode([UInt8](repeating: 1, count: most), into: &output) }
                let before = output.count
                #expect(throws: FramingError(.lengthDoesNotFit(count: most + 1, prefixBytes: width.rawValue))) {
                    try codec.encode([UInt8](repeating: 1, count: most + 1), into: &output)
                }
                #expect(output.count == before)
            }
        }
    }

    @Test("A line of 64 KiB that arrives byte by byte is searched once")
    func linear() throws {
        var lines = Lines()
        var delimiter = Delimiter(Array("\r\n"))
        var headers = HeadersAndBody(maximumHeaders: .kibibytes(65))
        var queue = ByteQueue()
        queue.append("a:")
        for count in 3...(64 << 10) {
            queue.append(0x78)
            #expect(try lines.decode(queue.bytes, atEnd: false) == .needsMore(count + 1))
            #expect(try delimiter.decode(queue.bytes, atEnd: false) == .needsMore(count + 2))
            #expect(try headers.decode(queue.bytes, atEnd: false) == .needsMore(count + 1))
            // What was searched is not searched again: each step begins behind it.
            #expect(lines.scanned == count && delimiter.scanned == count && headers.scanner.scanned == count)
        }
    }

    @Test("Another limit changes nothing else of a framing")
    func limited() {
        func limit(_ framing: Framing) -> Framing { framing.limited(to: .bytes(7)) }
        #expect(limit(.selfCounting64).description == Framing.selfCounting64(maximumFrame: .bytes(7)).description)
        let little = Framing.lengthPrefix(bytes: .two, endian: .little)
        #expect(
            limit(little).description
                == Framing.lengthPrefix(bytes: .two, endian: .little, maximumFrame: .bytes(7)).description)
        #expect(limit(.lines).description == Framing.lines(maximumLine: .bytes(7)).description)
        #expect(limit(.delimiter("|")).description == Framing.delimiter("|", maximumFrame: .bytes(7)).description)
        #expect(limit(.untilClose()).description == Framing.untilClose(maximumFrame: .bytes(7)).description)
        #expect(limit(.headers).description == Framing.headers(maximumBody: .bytes(7)).description)
        #expect(limit(.raw).maximumFrame == .unlimited && limit(.fixedLength(.bytes(9))).maximumFrame == .bytes(9))
    }
}
