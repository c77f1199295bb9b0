/// A body of known length that is taken from a stream piece by piece.
@usableFromInline
struct CountedBody: Sendable {
    // remaining is -1 between frames; within one, 0 <= remaining <= total.
    private var total = 0
    private var remaining = -1
    /// How many bytes of the frame preceded its body.
    private var preceding = 0

    init() {}

    /// Whether a body is being taken.
    var isActive: Bool { remaining >= 0 }

    /// Begins a body of `total` bytes; `preceding` + `total` must not overflow.
    mutating func begin(_ total: Int, preceding: Int) {
        self.total = total
        self.preceding = preceding
        remaining = total
    }

    /// The next piece. Call it only while a body is being taken.
    mutating func part(_ input: RawSpan, atEnd: Bool) throws(FramingError) -> FramePart {
        if remaining == 0 {
            remaining = -1
            return .finish(consumed: 0)
        }
        let count = min(remaining, input.byteCount)
        if count == 0 {
            if !atEnd { return .needsMore(1) }
            throw FramingError(.truncated(have: preceding + total - remaining, need: preceding + total))
        }
        remaining -= count
        return .chunk(0..<count, consumed: count)
    }
}

/// A body that is written piece by piece and must come to the length that was announced for it.
@usableFromInline
struct AnnouncedBody: Sendable {
    // announced is -1 between frames.
    @usableFromInline var announced = -1
    @usableFromInline var sent = 0

    @inlinable init() {}

    /// Begins a body; refused while another one is unfinished.
    @inlinable mutating func begin(_ count: Int) throws(FramingError) {
        if announced >= 0 { throw mismatch(sent) }
        announced = count
        sent = 0
    }

    /// Counts a piece; refused, and not counted, when it is more than was announced.
    @inlinable mutating func add(_ count: Int) throws(FramingError) {
        if count > announced &- sent { throw mismatch(sent + count) }
        sent += count
    }

    /// Ends the body; refused while bytes are missing, which may still be given then.
    @inlinable mutating func finish() throws(FramingError) {
        if sent != announced { throw mismatch(sent) }
        announced = -1
        sent = 0
    }

    @usableFromInline func mismatch(_ given: Int) -> FramingError {
        FramingError(.bodyLengthMismatch(announced: max(0, announced), sent: given))
    }
}
