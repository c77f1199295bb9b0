extension LengthPrefix {
    /// Everything but the hot path of ``decode(_:atEnd:)``: waiting, ends and errors.
    @usableFromInline
    mutating func decodeRest(_ input: RawSpan, atEnd: Bool) throws(FramingError) -> FrameStep {
        guard let body = try bodyCount(input, atEnd: atEnd) else {
            return atEnd ? .end : .needsMore(width.rawValue)
        }
        let end = width.rawValue + body
        if input.byteCount >= end { return .frame(FrameExtent(body: width.rawValue..<end, consumed: end)) }
        if !atEnd { return .needsMore(end) }
        throw fail(FramingError(.truncated(have: input.byteCount, need: end)))
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
        guard let body = try bodyCount(input, atEnd: atEnd) else {
            return atEnd ? .end : .needsMore(width.rawValue)
        }
        incoming.begin(body, preceding: width.rawValue)
        return .begin(head: 0..<0, bodyCount: body, consumed: width.rawValue)
    }

    /// The length of the body, checked; `nil` while the prefix has not arrived, or at the end between two frames.
    private mutating func bodyCount(_ input: RawSpan, atEnd: Bool) throws(FramingError) -> Int? {
        if let failure { throw failure }
        if input.byteCount < width.rawValue {
            if !atEnd || input.isEmpty { return nil }
            throw fail(FramingError(.truncated(have: input.byteCount, need: width.rawValue)))
        }
        let announced = announced(input)
        let (body, below) = announced.subtractingReportingOverflow(ownBytes)
        if below {
            throw fail(FramingError(.lengthBelowMinimum(announced: announced, minimum: width.rawValue)))
        }
        guard let count = Int(exactly: body), !count.addingReportingOverflow(width.rawValue).overflow,
            announced <= UInt64(Int.max)
        else { throw fail(FramingError(.lengthNotRepresentable(announced: announced), hint: otherProtocol(input))) }
        if count > maximumFrame.bytes {
            throw fail(
                FramingError(
                    .frameTooLarge(announced: body, limit: maximumFrame, parameter: .maximumFrame),
                    hint: otherProtocol(input)))
        }
        return count
    }

    /// A hint where the prefix reads as text, as the first bytes of an HTTP request do.
    private func otherProtocol(_ input: RawSpan) -> String? {
        guard width.rawValue >= 4 else { return nil }
        var text = ""
        for index in 0..<width.rawValue {
            let byte = input.byte(at: index)
            guard byte >= 0x20 && byte < 0x7F || byte == 0x0D || byte == 0x0A else { return nil }
            switch byte {
            case 0x0D: text += "\\r"
            case 0x0A: text += "\\n"
            default: text.unicodeScalars.append(Unicode.Scalar(byte))
            }
        }
        return "its length prefix reads as the text \"\(text)\": the peer may speak another protocol"
    }

    private mutating func fail(_ error: FramingError) -> FramingError {
        failure = error
        return error
    }
}

extension LengthPrefix {
    /// Appends the length.
    ///
    /// - Throws: ``FramingError/Code/lengthRequired`` without a `bodyCount`,
    ///   ``FramingError/Code/bodyTooLarge(count:limit:parameter:)``,
    ///   ``FramingError/Code/lengthDoesNotFit(count:prefixBytes:)``, ``FramingError/Code/headNotSupported(count:)``.
    public mutating func encodeBegin(
        head: RawSpan, bodyCount: Int?, into output: inout ByteQueue
    ) throws(FramingError) {
        guard head.isEmpty else { throw FramingError(.headNotSupported(count: head.byteCount)) }
        guard let bodyCount else { throw FramingError(.lengthRequired) }
        if bodyCount > maximumFrame.bytes {
            throw FramingError(.bodyTooLarge(count: bodyCount, limit: maximumFrame, parameter: .maximumFrame))
        }
        let size = width.rawValue
        let (length, overflow) = bodyCount.addingReportingOverflow(Int(ownBytes))
        // For a width of 8 the shift leaves nothing: every Int fits.
        if overflow || bodyCount < 0 || UInt64(length) >> UInt64(8 * size) != 0 {
            throw FramingError(.lengthDoesNotFit(count: bodyCount, prefixBytes: size))
        }
        try outgoing.begin(bodyCount)
        output.fill(room: size) { memory in
            for index in 0..<size {
                let place = endian == .big ? size - 1 - index : index
                unsafe memory[index] = UInt8(truncatingIfNeeded: UInt64(length) >> UInt64(8 * place))
            }
            return size
        }
    }

    /// Counts `chunk`; refused when more comes than was announced.
    public mutating func encodeChunk(_ chunk: RawSpan) throws(FramingError) { try outgoing.add(chunk.byteCount) }

    /// Checks that the whole body was given.
    public mutating func encodeEnd(into output: inout ByteQueue) throws(FramingError) { try outgoing.finish() }
}

extension LengthPrefix: CustomStringConvertible {
    /// "length-prefix, 8 bytes big endian, counting itself, at most 1 MiB"
    public var description: String {
        let order = width == .one ? "1 byte" : "\(width.rawValue) bytes \(endian == .big ? "big" : "little") endian"
        let own = counts == .body ? "" : ", counting itself"
        return "length-prefix, \(order)\(own), at most \(maximumFrame)"
    }
}
