package import Berth
package import BerthTesting

/// A codec with the configuration of one case.
package enum Subject: String, CaseIterable {
    case selfCounting = "self-counting"
    case lengthPrefix = "length-prefix"
    case lines
    case delimiter
    case fixedLength = "fixed-length"
    case untilClose = "until-close"
    case raw
    case headers

    /// A random configuration, small enough that limits are met often.
    package func setup(_ random: inout SeededGenerator) -> Setup {
        let limit = random.below(24)
        let maximum = ByteCount.bytes(limit)
        switch self {
        case .selfCounting:
            return .lengthPrefix(LengthPrefix.selfCounting64(maximumFrame: maximum))
        case .lengthPrefix:
            let width = LengthPrefix.Width.allCases[random.below(5)]
            return .lengthPrefix(
                LengthPrefix(
                    bytes: width, endian: random.below(2) == 0 ? .big : .little,
                    counts: random.below(2) == 0 ? .body : .prefixAndBody, maximumFrame: maximum))
        case .lines:
            return .lines(
                Lines(
                    ending: Lines.Ending.allCases[random.below(3)], includesTerminator: random.below(2) == 0,
                    maximumLine: maximum, unterminatedLast: random.below(2) == 0 ? .deliver : .refuse))
        case .delimiter:
            // Two letters only, so that sequences overlap themselves and each other.
            let bytes = (0...random.below(5)).map { _ in UInt8(0x61 + random.below(2)) }
            return .delimiter(Delimiter(bytes, maximumFrame: maximum))
        case .fixedLength: return .fixedLength(FixedLength(.bytes(limit + 1)))
        case .untilClose: return .untilClose(UntilClose(maximumFrame: maximum))
        case .raw: return .raw(RawChunks())
        case .headers:
            return .headers(
                HeadersAndBody(
                    maximumHeaders: .bytes(20 + 2 * limit), maximumHeaderLines: 1 + random.below(4),
                    maximumBody: maximum, firstLine: random.below(2) == 0 ? .header : .start))
        }
    }
}

/// A configured codec.
package enum Setup {
    case lengthPrefix(LengthPrefix)
    case lines(Lines)
    case delimiter(Delimiter)
    case fixedLength(FixedLength)
    case untilClose(UntilClose)
    case raw(RawChunks)
    case headers(HeadersAndBody)

    /// The same as the type that connections use.
    package var framing: Framing {
        switch self {
        case .lengthPrefix(let codec):
            .lengthPrefix(
                bytes: codec.width, endian: codec.endian, counts: codec.counts, maximumFrame: codec.maximumFrame)
        case .lines(let codec):
            .lines(
                ending: codec.ending, includesTerminator: codec.includesTerminator, maximumLine: codec.maximumLine,
                unterminatedLast: codec.unterminatedLast)
        case .delimiter(let codec): .delimiter(codec.bytes, maximumFrame: codec.maximumFrame)
        case .fixedLength(let codec): .fixedLength(codec.size)
        case .untilClose(let codec): .untilClose(maximumFrame: codec.maximumFrame)
        case .raw: .raw
        case .headers(let codec):
            .headers(
                maximumHeaders: codec.maximumHeaders, maximumHeaderLines: codec.maximumHeaderLines,
                maximumBody: codec.maximumBody, firstLine: codec.firstLine)
        }
    }

    /// The most bytes that may wait while the codec asks for more: the limit and the marks.
    package var mostWaiting: Int {
        switch self {
        case .lengthPrefix(let codec): codec.maximumFrame.bytes + codec.width.rawValue
        case .lines(let codec): codec.maximumLine.bytes + 1
        case .delimiter(let codec): codec.maximumFrame.bytes + codec.bytes.count
        case .fixedLength(let codec): codec.size.bytes
        case .untilClose(let codec): codec.maximumFrame.bytes
        case .raw: 0
        case .headers(let codec): codec.maximumHeaders.bytes + 2 + codec.maximumBody.bytes
        }
    }
}
