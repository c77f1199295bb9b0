extension Framing {
    // Each method takes the codec out, leaves a trivial one in its place, and puts it back changed. With two owners,
    // the box of a custom codec and the arrays of a delimiter would be copied at every step.

    @usableFromInline
    mutating func decodeRest(_ input: RawSpan, atEnd: Bool) throws(FramingError) -> FrameStep {
        let taken = take()
        switch taken {
        case .raw(var codec):
            defer { kind = .raw(codec) }
            return try codec.decode(input, atEnd: atEnd)
        case .lengthPrefix(var codec):
            defer { kind = .lengthPrefix(codec) }
            return try codec.decode(input, atEnd: atEnd)
        case .lines(var codec):
            defer { kind = .lines(codec) }
            return try codec.decode(input, atEnd: atEnd)
        case .delimiter(var codec):
            defer { kind = .delimiter(codec) }
            return try codec.decode(input, atEnd: atEnd)
        case .fixedLength(var codec):
            defer { kind = .fixedLength(codec) }
            return try codec.decode(input, atEnd: atEnd)
        case .untilClose(var codec):
            defer { kind = .untilClose(codec) }
            return try codec.decode(input, atEnd: atEnd)
        case .headers(var codec):
            defer { kind = .headers(codec) }
            return try codec.decode(input, atEnd: atEnd)
        case .custom(var codec, let name, let limit):
            defer { kind = .custom(codec, name: name, maximumFrame: limit) }
            return try codec.decode(input, atEnd: atEnd)
        }
    }

    public mutating func decodePart(_ input: RawSpan, atEnd: Bool) throws(FramingError) -> FramePart {
        let taken = take()
        switch taken {
        case .raw(var codec):
            defer { kind = .raw(codec) }
            return try codec.decodePart(input, atEnd: atEnd)
        case .lengthPrefix(var codec):
            defer { kind = .lengthPrefix(codec) }
            return try codec.decodePart(input, atEnd: atEnd)
        case .lines(var codec):
            defer { kind = .lines(codec) }
            return try codec.decodePart(input, atEnd: atEnd)
        case .delimiter(var codec):
            defer { kind = .delimiter(codec) }
            return try codec.decodePart(input, atEnd: atEnd)
        case .fixedLength(var codec):
            defer { kind = .fixedLength(codec) }
            return try codec.decodePart(input, atEnd: atEnd)
        case .untilClose(var codec):
            defer { kind = .untilClose(codec) }
            return try codec.decodePart(input, atEnd: atEnd)
        case .headers(var codec):
            defer { kind = .headers(codec) }
            return try codec.decodePart(input, atEnd: atEnd)
        case .custom(var codec, let name, let limit):
            defer { kind = .custom(codec, name: name, maximumFrame: limit) }
            return try codec.decodePart(input, atEnd: atEnd)
        }
    }

    public mutating func encodeBegin(
        head: RawSpan, bodyCount: Int?, into output: inout ByteQueue
    ) throws(FramingError) {
        let taken = take()
        switch taken {
        case .raw(var codec):
            defer { kind = .raw(codec) }
            return try codec.encodeBegin(head: head, bodyCount: bodyCount, into: &output)
        case .lengthPrefix(var codec):
            defer { kind = .lengthPrefix(codec) }
            return try codec.encodeBegin(head: head, bodyCount: bodyCount, into: &output)
        case .lines(var codec):
            defer { kind = .lines(codec) }
            return try codec.encodeBegin(head: head, bodyCount: bodyCount, into: &output)
        case .delimiter(var codec):
            defer { kind = .delimiter(codec) }
            return try codec.encodeBegin(head: head, bodyCount: bodyCount, into: &output)
        case .fixedLength(var codec):
            defer { kind = .fixedLength(codec) }
            return try codec.encodeBegin(head: head, bodyCount: bodyCount, into: &output)
        case .untilClose(var codec):
            defer { kind = .untilClose(codec) }
            return try codec.encodeBegin(head: head, bodyCount: bodyCount, into: &output)
        case .headers(var codec):
            defer { kind = .headers(codec) }
            return try codec.encodeBegin(head: head, bodyCount: bodyCount, into: &output)
        case .custom(var codec, let name, let limit):
            defer { kind = .custom(codec, name: name, maximumFrame: limit) }
            return try codec.encodeBegin(head: head, bodyCount: bodyCount, into: &output)
        }
    }

    public mutating func encodeChunk(_ chunk: RawSpan) throws(FramingError) {
        let taken = take()
        switch taken {
        case .raw(var codec):
            defer { kind = .raw(codec) }
            return try codec.encodeChunk(chunk)
        case .lengthPrefix(var codec):
            defer { kind = .lengthPrefix(codec) }
            return try codec.encodeChunk(chunk)
        case .lines(var codec):
            defer { kind = .lines(codec) }
            return try codec.encodeChunk(chunk)
        case .delimiter(var codec):
            defer { kind = .delimiter(codec) }
            return try codec.encodeChunk(chunk)
        case .fixedLength(var codec):
            defer { kind = .fixedLength(codec) }
            return try codec.encodeChunk(chunk)
        case .untilClose(var codec):
            defer { kind = .untilClose(codec) }
            return try codec.encodeChunk(chunk)
        case .headers(var codec):
            defer { kind = .headers(codec) }
            return try codec.encodeChunk(chunk)
        case .custom(var codec, let name, let limit):
            defer { kind = .custom(codec, name: name, maximumFrame: limit) }
            return try codec.encodeChunk(chunk)
        }
    }

    public mutating func encodeEnd(into output: inout ByteQueue) throws(FramingError) {
        let taken = take()
        switch taken {
        case .raw(var codec):
            defer { kind = .raw(codec) }
            return try codec.encodeEnd(into: &output)
        case .lengthPrefix(var codec):
            defer { kind = .lengthPrefix(codec) }
            return try codec.encodeEnd(into: &output)
        case .lines(var codec):
            defer { kind = .lines(codec) }
            return try codec.encodeEnd(into: &output)
        case .delimiter(var codec):
            defer { kind = .delimiter(codec) }
            return try codec.encodeEnd(into: &output)
        case .fixedLength(var codec):
            defer { kind = .fixedLength(codec) }
            return try codec.encodeEnd(into: &output)
        case .untilClose(var codec):
            defer { kind = .untilClose(codec) }
            return try codec.encodeEnd(into: &output)
        case .headers(var codec):
            defer { kind = .headers(codec) }
            return try codec.encodeEnd(into: &output)
        case .custom(var codec, let name, let limit):
            defer { kind = .custom(codec, name: name, maximumFrame: limit) }
            return try codec.encodeEnd(into: &output)
        }
    }

    private mutating func take() -> Kind {
        let taken = kind
        kind = .raw(RawChunks())
        return taken
    }
}
