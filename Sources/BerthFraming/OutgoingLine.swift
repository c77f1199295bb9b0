/// Watches the content of a line that is being written.
struct OutgoingLine: Sendable {
    /// Whether the content ended with a line end of its own.
    private(set) var isTerminated = false
    private var endsWithCR = false
    private var written = 0

    /// Checks the next piece; on an error nothing is counted.
    mutating func add(
        _ chunk: RawSpan, ending: Lines.Ending, mayEndLine: Bool, limit: ByteCount
    ) throws(FramingError) {
        let count = chunk.byteCount
        if count == 0 { return }
        if isTerminated { throw Self.forbidden(ending) }
        var next = self
        var start = 0
        while let lf = ByteSearch.firstIndex(of: Lines.lf, in: chunk, from: start) {
            let hasCR = lf > 0 ? chunk.byte(at: lf - 1) == Lines.cr : endsWithCR
            start = lf + 1
            if ending == .crlf && !hasCR { continue }
            guard mayEndLine, start == count else { throw Self.forbidden(ending) }
            next.isTerminated = true
            next.written -= ending != .lf && hasCR ? 2 : 1
        }
        let (sum, overflow) = next.written.addingReportingOverflow(count)
        next.endsWithCR = chunk.byte(at: count - 1) == Lines.cr
        // One CR too much may be the first half of a line end that the body brings along; finish() looks again.
        let mayBeMark = mayEndLine && ending != .lf && next.endsWithCR && sum - 1 <= limit.bytes
        if overflow || (sum > limit.bytes && !mayBeMark) {
            throw FramingError(
                .bodyTooLarge(count: overflow ? .max : sum, limit: limit, parameter: .maximumLine))
        }
        next.written = sum
        next.limit = limit
        self = next
    }

    private var limit = ByteCount.unlimited

    /// Checks that the content can end here.
    func finish(ending: Lines.Ending) throws(FramingError) {
        if isTerminated { return }
        if ending == .either && endsWithCR {
            // The decoder would take the CR as a part of the line end.
            throw FramingError(.forbiddenBytes(mark: "a CR before the line end"))
        }
        if written > limit.bytes {
            throw FramingError(.bodyTooLarge(count: written, limit: limit, parameter: .maximumLine))
        }
    }

    private static func forbidden(_ ending: Lines.Ending) -> FramingError {
        FramingError(.forbiddenBytes(mark: ending == .crlf ? "CR LF" : "LF"))
    }
}
