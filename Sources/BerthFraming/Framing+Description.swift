extension Framing: CustomStringConvertible {
    /// A short name for people, such as "length-prefix, 8 bytes big endian, counting itself, at most 1 MiB".
    public var description: String {
        switch kind {
        case .raw(let codec): codec.description
        case .lengthPrefix(let codec): codec.description
        case .lines(let codec): codec.description
        case .delimiter(let codec): codec.description
        case .fixedLength(let codec): codec.description
        case .untilClose(let codec): codec.description
        case .headers(let codec): codec.description
        case .custom(_, let name, _): name
        }
    }

    /// The largest body that a frame can have: `.unlimited` for ``raw``, where it is whatever one read brings, and for
    /// a custom codec that named none.
    public var maximumFrame: ByteCount {
        switch kind {
        case .raw: .unlimited
        case .lengthPrefix(let codec): codec.maximumFrame
        case .lines(let codec): codec.maximumLine
        case .delimiter(let codec): codec.maximumFrame
        case .fixedLength(let codec): codec.size
        case .untilClose(let codec): codec.maximumFrame
        case .headers(let codec): codec.maximumBody
        case .custom(_, _, let limit): limit
        }
    }
}

extension Framing {
    /// The same framing with another ``maximumFrame``, at the beginning of a stream. A framing without such a limit, one of
    /// a fixed length, and a custom codec stay as they are.
    public func limited(to limit: ByteCount) -> Framing {
        switch kind {
        case .raw, .fixedLength, .custom: self
        case .lengthPrefix(let codec):
            .lengthPrefix(bytes: codec.width, endian: codec.endian, counts: codec.counts, maximumFrame: limit)
        case .lines(let codec):
            .lines(
                ending: codec.ending, includesTerminator: codec.includesTerminator, maximumLine: limit,
                unterminatedLast: codec.unterminatedLast)
        case .delimiter(let codec): .delimiter(codec.bytes, maximumFrame: limit)
        case .untilClose: .untilClose(maximumFrame: limit)
        case .headers(let codec):
            .headers(
                maximumHeaders: codec.maximumHeaders, maximumHeaderLines: codec.maximumHeaderLines, maximumBody: limit,
                firstLine: codec.firstLine)
        }
    }
}
