/// Goes through header lines as they arrive, up to the blank line, looking at each byte once.
///
/// Reading and writing use the same rules, so that nothing is written that would not be read.
struct HeaderScanner: Sendable {
    /// The length of the header lines, their line ends included.
    private(set) var headCount = 0
    /// Where the body begins; `nil` before the blank line has arrived.
    private(set) var bodyStart: Int?
    /// The value of the `Content-Length`, if one was seen.
    private(set) var contentLength: Int?
    private(set) var lineCount = 0
    private(set) var scanned = 0

    /// Goes on in `input`, which begins where it began before.
    ///
    /// - Returns: whether the blank line was found.
    mutating func scan(_ input: RawSpan, rules: HeadersAndBody) throws(FramingError) -> Bool {
        if bodyStart != nil { return true }
        while let lf = ByteSearch.firstIndex(of: Lines.lf, in: input, from: scanned) {
            scanned = lf + 1
            let hasCR = lf > headCount && input.byte(at: lf - 1) == Lines.cr
            let line = headCount..<(hasCR ? lf - 1 : lf)
            if line.isEmpty {
                if lineCount == 0 && rules.firstLine == .start { throw malformed(1, .blank) }
                bodyStart = lf + 1
                return true
            }
            try take(input, line: line, end: lf + 1, rules: rules)
        }
        scanned = input.byteCount
        // The unfinished line belongs to the head, unless it is the first half of the blank line.
        let rest = input.byteCount - headCount
        let mayBeBlank = rest == 0 || (rest == 1 && input.byte(at: headCount) == Lines.cr)
        if !mayBeBlank && input.byteCount >= rules.maximumHeaders.bytes {
            throw FramingError(.headersTooLarge(limit: rules.maximumHeaders))
        }
        return false
    }

    /// Checks one line that is not blank; `end` is the offset behind its line end.
    mutating func take(
        _ input: RawSpan, line: Range<Int>, end: Int, rules: HeadersAndBody
    ) throws(FramingError) {
        if end > rules.maximumHeaders.bytes { throw FramingError(.headersTooLarge(limit: rules.maximumHeaders)) }
        if lineCount >= rules.maximumHeaderLines {
            throw FramingError(.tooManyHeaderLines(limit: rules.maximumHeaderLines))
        }
        lineCount += 1
        headCount = end
        if lineCount == 1 && rules.firstLine == .start { return try takeStart(input, line: line) }
        let header: HeaderLine
        do throws(HeaderLine.Malformed) {
            header = try HeaderLine(input, at: line)
        } catch {
            throw malformed(lineCount, error.problem)
        }
        if header.isNamed("content-length", in: input) {
            if contentLength != nil { throw FramingError(.duplicateContentLength) }
            contentLength = try header.contentLength(in: input)
        } else if header.isNamed("transfer-encoding", in: input) {
            throw malformed(lineCount, .transferEncoding)
        }
    }

    private func takeStart(_ input: RawSpan, line: Range<Int>) throws(FramingError) {
        if HeaderLine.isBlank(input.byte(at: line.lowerBound)) { throw malformed(1, .folded) }
        for index in line {
            let byte = input.byte(at: index)
            if byte == 0 || byte == Lines.cr { throw malformed(1, .controlCharacter) }
        }
    }

    private func malformed(_ line: Int, _ problem: FramingError.HeaderProblem) -> FramingError {
        FramingError(.malformedHeader(line: line, problem: problem))
    }
}
