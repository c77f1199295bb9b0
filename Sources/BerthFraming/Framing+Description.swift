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
