internal import Berth

/// What a message is, and what its answer is; the same for all peers.
enum Mode: String {
    /// Bytes, back as they come.
    case echo
    /// A frame behind its length, back as it came.
    case frame
    /// A line, back reversed.
    case line

    /// The longest message that is taken: 16 MiB.
    static let longest = ByteCount.mebibytes(16)

    var framing: Framing {
        switch self {
        case .echo: .raw
        // The peers bound the length as it is written, which counts its own 8 bytes; Berth bounds the body.
        case .frame: .selfCounting64(maximumFrame: .bytes(Self.longest.bytes - 8))
        case .line: .lines(ending: .lf, maximumLine: Self.longest)
        }
    }
}

/// Writes the bytes of a line in their reverse order, as a line.
func writeReversed(_ line: RawSpan, to reply: ReplyWriter) throws {
    try withUnsafeTemporaryAllocation(byteCount: line.byteCount, alignment: 1) { reversed in
        for index in 0..<line.byteCount {
            // Within bounds: `index` runs over `line`, and `reversed` is as long.
            reversed[line.byteCount - 1 - index] = line.unsafeLoad(fromByteOffset: index, as: UInt8.self)
        }
        try reply.writeFrame(UnsafeRawBufferPointer(reversed).bytes)
    }
}
