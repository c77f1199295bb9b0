/// Frames of header lines, a blank line, and a body whose length the header `Content-Length` tells.
///
/// ```
/// Name: value\r\n        zero or more header lines
/// Content-Length: 5\r\n
/// \r\n
/// hello
/// ```
///
/// The shape of HTTP/1 messages with a plain body, of the Language Server Protocol, and of many others. Lines end in
/// CRLF or LF; a missing `Content-Length` means an empty body. Whatever two readers could understand differently is
/// refused: a second `Content-Length`, even an equal one, a sign or a space in it, a folded line, white space before
/// the colon, `Transfer-Encoding` (compare RFC 9112, 11.2, request smuggling).
///
/// The head of a decoded frame holds its header lines with their line ends, without the blank line.
public struct HeadersAndBody: FrameCodec {
    /// What the first line of a frame is.
    public enum FirstLine: Sendable, Hashable, CaseIterable {
        /// A header line like all others; there may also be none at all.
        case header
        /// A start line, such as `GET / HTTP/1.1`, which is kept as it is and has to be there.
        case start
    }

    /// The largest sum of all header lines, their line ends included and the blank line not.
    public let maximumHeaders: ByteCount
    /// The largest number of header lines, a start line included.
    public let maximumHeaderLines: Int
    /// The largest body, in either direction.
    public let maximumBody: ByteCount
    /// What the first line of a frame is.
    public let firstLine: FirstLine

    private var failure: FramingError?
    private(set) var scanner = HeaderScanner()
    private var incoming = CountedBody()
    private var outgoing = AnnouncedBody()

    /// Creates a codec.
    ///
    /// - Parameters:
    ///   - maximumHeaders: the largest sum of all header lines, line ends included; 16 KiB as a rule.
    ///   - maximumHeaderLines: the largest number of header lines; 100 as a rule.
    ///   - maximumBody: the largest body; 1 MiB as a rule, because a whole one is held in memory.
    ///   - firstLine: whether frames begin with a start line; not as a rule.
    public init(
        maximumHeaders: ByteCount = .kibibytes(16), maximumHeaderLines: Int = 100,
        maximumBody: ByteCount = .mebibytes(1), firstLine: FirstLine = .header
    ) {
        self.maximumHeaders = maximumHeaders
        self.maximumHeaderLines = maximumHeaderLines
        self.maximumBody = maximumBody
        self.firstLine = firstLine
    }

    public mutating func decode(_ input: RawSpan, atEnd: Bool) throws(FramingError) -> FrameStep {
        guard let (bodyStart, bodyCount) = try head(input, atEnd: atEnd) else {
            return atEnd ? .end : .needsMore(input.byteCount + 1)
        }
        let end = bodyStart + bodyCount
        if input.byteCount < end {
            if !atEnd { return .needsMore(end) }
            throw fail(FramingError(.truncated(have: input.byteCount, need: end)))
        }
        let extent = FrameExtent(head: 0..<scanner.headCount, body: bodyStart..<end, consumed: end)
        scanner = HeaderScanner()
        return .frame(extent)
    }

    public mutating func decodePart(_ input: RawSpan, atEnd: Bool) throws(FramingError) -> FramePart {
        if let failure { throw failure }
        if incoming.isActive {
            do throws(FramingError) {
                return try incoming.part(input, atEnd: atEnd)
            } catch {
                throw fail(error)
            }
        }
        guard let (bodyStart, bodyCount) = try head(input, atEnd: atEnd) else {
            return atEnd ? .end : .needsMore(input.byteCount + 1)
        }
        incoming.begin(bodyCount, preceding: bodyStart)
        let head = 0..<scanner.headCount
        scanner = HeaderScanner()
        return .begin(head: head, bodyCount: bodyCount, consumed: bodyStart)
    }

    /// Where the body begins and its length; `nil` while the head is incomplete, or at the end between two frames.
    ///
    /// The sum of both is representable.
    private mutating func head(
        _ input: RawSpan, atEnd: Bool
    ) throws(FramingError) -> (bodyStart: Int, bodyCount: Int)? {
        if let failure { throw failure }
        do throws(FramingError) {
            guard try scanner.scan(input, rules: self), let bodyStart = scanner.bodyStart else {
                if atEnd && !input.isEmpty { throw FramingError(.truncated(have: input.byteCount, need: nil)) }
                return nil
            }
            let count = scanner.contentLength ?? 0
            if count > maximumBody.bytes {
                throw FramingError(
                    .frameTooLarge(announced: UInt64(count), limit: maximumBody, parameter: .maximumBody))
            }
            if bodyStart.addingReportingOverflow(count).overflow {
                throw FramingError(.lengthNotRepresentable(announced: UInt64(count)))
            }
            return (bodyStart, count)
        } catch {
            throw fail(error)
        }
    }

    private mutating func fail(_ error: FramingError) -> FramingError {
        failure = error
        return error
    }
}

extension HeadersAndBody {
    /// Appends the header lines, with CRLF as their line ends, a `Content-Length` and the blank line.
    ///
    /// A `Content-Length` that the head holds already is kept where it is, so that a decoded frame can be sent on.
    ///
    /// - Parameters:
    ///   - head: header lines with CRLF or LF; the last one may lack its line end. No blank line.
    ///   - bodyCount: the length of the body; must be known.
    ///   - output: where the bytes go; unchanged after an error.
    /// - Throws: whatever the decoder would refuse in the head;
    ///   ``FramingError/Code/conflictingContentLength(announced:body:)``; ``FramingError/Code/lengthRequired``;
    ///   ``FramingError/Code/bodyTooLarge(count:limit:parameter:)``.
    public mutating func encodeBegin(
        head: RawSpan, bodyCount: Int?, into output: inout ByteQueue
    ) throws(FramingError) {
        guard let bodyCount, bodyCount >= 0 else { throw FramingError(.lengthRequired) }
        if bodyCount > maximumBody.bytes {
            throw FramingError(.bodyTooLarge(count: bodyCount, limit: maximumBody, parameter: .maximumBody))
        }
        let before = output.count
        var unfinished = outgoing
        do throws(FramingError) {
            try unfinished.begin(bodyCount)
            try write(head: head, bodyCount: bodyCount, into: &output)
        } catch {
            output.removeLast(output.count - before)
            throw error
        }
        outgoing = unfinished
    }

    private func write(head: RawSpan, bodyCount: Int, into output: inout ByteQueue) throws(FramingError) {
        var checked = HeaderScanner()
        var start = 0
        // The size that the head has on the wire, where every line ends in CRLF.
        var size = 0
        while start < head.byteCount {
            let lf = ByteSearch.firstIndex(of: Lines.lf, in: head, from: start) ?? head.byteCount
            let end = lf > start && head.byte(at: lf - 1) == Lines.cr ? lf - 1 : lf
            if start == end { throw FramingError(.malformedHeader(line: checked.lineCount + 1, problem: .blank)) }
            size += end - start + 2
            try checked.take(head, line: start..<end, end: size, rules: self)
            output.append(head.extracting(start..<end))
            output.append("\r\n")
            start = lf + 1
        }
        if firstLine == .start && checked.lineCount == 0 {
            throw FramingError(.malformedHeader(line: 1, problem: .blank))
        }
        if let announced = checked.contentLength {
            if announced != bodyCount {
                throw FramingError(.conflictingContentLength(announced: announced, body: bodyCount))
            }
            output.append("\r\n")
            return
        }
        let line = "Content-Length: \(bodyCount)\r\n"
        if size + line.utf8.count > maximumHeaders.bytes {
            throw FramingError(.headersTooLarge(limit: maximumHeaders))
        }
        if checked.lineCount >= maximumHeaderLines {
            throw FramingError(.tooManyHeaderLines(limit: maximumHeaderLines))
        }
        output.append(line)
        output.append("\r\n")
    }

    /// Counts `chunk`; refused when more comes than was announced.
    public mutating func encodeChunk(_ chunk: RawSpan) throws(FramingError) { try outgoing.add(chunk.byteCount) }

    /// Checks that the whole body was given.
    public mutating func encodeEnd(into output: inout ByteQueue) throws(FramingError) { try outgoing.finish() }
}

extension HeadersAndBody: CustomStringConvertible {
    /// "headers of at most 16 KiB and a body of at most 1 MiB"
    public var description: String {
        let start = firstLine == .start ? "a start line, " : ""
        return "\(start)headers of at most \(maximumHeaders) and a body of at most \(maximumBody)"
    }
}
