internal import Berth

/// Decodes a whole stream the obvious, slow way, to compare the codecs with.
package struct NaiveDecoder {
    package let setup: Setup
    package let stream: [UInt8]

    package init(setup: Setup, stream: [UInt8]) {
        self.setup = setup
        self.stream = stream
    }

    /// The frames of the stream, which ends after its last byte.
    package func decode() -> FrameLog {
        var log = FrameLog()
        var rest = stream[...]
        if case .untilClose(let codec) = setup {
            if rest.count > codec.maximumFrame.bytes {
                log.error = .frameTooLarge(announced: nil, limit: codec.maximumFrame, parameter: .maximumFrame)
            } else {
                log.append(head: [], body: rest)
            }
            return log
        }
        while !rest.isEmpty {
            switch next(rest) {
            case .failure(let error):
                log.error = error.code
                return log
            case .success(let found):
                log.append(head: found.head, body: found.body)
                rest = rest.dropFirst(found.consumed)
            }
        }
        return log
    }

    struct Found {
        var head: ArraySlice<UInt8> = []
        var body: ArraySlice<UInt8>
        var consumed: Int
    }

    private func next(_ rest: ArraySlice<UInt8>) -> Result<Found, FramingError> {
        switch setup {
        case .lengthPrefix(let codec): lengthPrefix(codec, rest)
        case .lines(let codec): line(codec, rest)
        case .delimiter(let codec): delimited(codec, rest)
        case .fixedLength(let codec):
            rest.count < codec.size.bytes
                ? .failure(FramingError(.truncated(have: rest.count, need: codec.size.bytes)))
                : .success(Found(body: rest.prefix(codec.size.bytes), consumed: codec.size.bytes))
        case .headers(let codec): NaiveHeaders(codec: codec, rest: Array(rest)).decode()
        case .untilClose, .raw: .success(Found(body: rest, consumed: rest.count))
        }
    }

    private func lengthPrefix(_ codec: LengthPrefix, _ rest: ArraySlice<UInt8>) -> Result<Found, FramingError> {
        let size = codec.width.rawValue
        guard rest.count >= size else { return .failure(FramingError(.truncated(have: rest.count, need: size))) }
        let prefix = rest.prefix(size)
        var length: UInt64 = 0
        for byte in codec.endian == .big ? Array(prefix) : prefix.reversed() { length = length << 8 | UInt64(byte) }
        let own = codec.counts == .body ? 0 : UInt64(size)
        if length < own { return .failure(FramingError(.lengthBelowMinimum(announced: length, minimum: size))) }
        if length >= 1 << 63 || length - own > UInt64(Int.max - size) {
            return .failure(FramingError(.lengthNotRepresentable(announced: length)))
        }
        let body = Int(length - own)
        if body > codec.maximumFrame.bytes {
            return .failure(
                FramingError(
                    .frameTooLarge(announced: UInt64(body), limit: codec.maximumFrame, parameter: .maximumFrame)))
        }
        if rest.count < size + body { return .failure(FramingError(.truncated(have: rest.count, need: size + body))) }
        return .success(Found(body: rest.dropFirst(size).prefix(body), consumed: size + body))
    }

    private func line(_ codec: Lines, _ rest: ArraySlice<UInt8>) -> Result<Found, FramingError> {
        let bytes = Array(rest)
        let tooLong = FramingError(.lineTooLong(limit: codec.maximumLine))
        for (index, byte) in bytes.enumerated() where byte == 0x0A {
            let hasCR = index > 0 && bytes[index - 1] == 0x0D
            if codec.ending == .crlf && !hasCR { continue }
            let content = hasCR && codec.ending != .lf ? index - 1 : index
            if content > codec.maximumLine.bytes { return .failure(tooLong) }
            let end = codec.includesTerminator ? index + 1 : content
            return .success(Found(body: rest.prefix(end), consumed: index + 1))
        }
        if bytes.count > codec.maximumLine.bytes { return .failure(tooLong) }
        if codec.unterminatedLast == .refuse {
            return .failure(FramingError(.truncated(have: bytes.count, need: nil)))
        }
        return .success(Found(body: rest, consumed: bytes.count))
    }

    private func delimited(_ codec: Delimiter, _ rest: ArraySlice<UInt8>) -> Result<Found, FramingError> {
        let mark = codec.bytes
        let limit = codec.maximumFrame
        let tooLarge = FramingError(.frameTooLarge(announced: nil, limit: limit, parameter: .maximumFrame))
        var start = rest.startIndex
        while rest.endIndex - start >= mark.count {
            if rest[start...].starts(with: mark) {
                let body = rest[..<start]
                if body.count > limit.bytes { return .failure(tooLarge) }
                return .success(Found(body: body, consumed: body.count + mark.count))
            }
            start += 1
        }
        // The longest end of the rest that begins the mark is not known to be content.
        var undecided = min(mark.count - 1, rest.count)
        while undecided > 0, !mark.starts(with: rest.suffix(undecided)) { undecided -= 1 }
        if rest.count - undecided > limit.bytes { return .failure(tooLarge) }
        return .failure(FramingError(.truncated(have: rest.count, need: nil)))
    }
}
