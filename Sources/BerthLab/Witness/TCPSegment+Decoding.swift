internal import BerthSockets

extension TCPSegment {
    /// Reads an Ethernet frame with TCP over IPv4 or IPv6; `nil` for anything else, and for what is cut within a header.
    ///
    /// Sources: RFC 791, RFC 8200, RFC 9293.
    ///
    /// - Parameters:
    ///   - frame: from the Ethernet header on; the end may be missing.
    package init?(frame: [UInt8]) {
        var reader = ByteReader(bytes: frame[...])
        guard reader.skip(12), let protocolNumber = reader.number(2) else { return nil }
        switch protocolNumber {
        case 0x0800: self.init(ipv4: reader.bytes)
        case 0x86dd: self.init(ipv6: reader.bytes)
        default: return nil
        }
    }

    private init?(ipv4 packet: ArraySlice<UInt8>) {
        guard let first = packet.first, first >> 4 == 4 else { return nil }
        let headerLength = Int(first & 0xf) * 4
        var reader = ByteReader(bytes: packet)
        guard headerLength >= 20, packet.count >= headerLength, reader.skip(2), let total = reader.number(2),
            reader.skip(2), let fragment = reader.number(2), reader.skip(1), let inner = reader.number(1),
            reader.skip(2), let source = reader.number(4), let destination = reader.number(4)
        else { return nil }
        // 6 is TCP; only a first fragment has the header.
        guard inner == 6, fragment & 0x1fff == 0, total >= headerLength else { return nil }
        self.init(
            packet.dropFirst(headerLength), length: total - headerLength,
            from: { .ipv4(IPv4Address(bits: UInt32(source)), port: $0) },
            to: { .ipv4(IPv4Address(bits: UInt32(destination)), port: $0) })
    }

    private init?(ipv6 packet: ArraySlice<UInt8>) {
        var reader = ByteReader(bytes: packet)
        guard let first = packet.first, first >> 4 == 6, reader.skip(4), let length = reader.number(2),
            let inner = reader.number(1), reader.skip(1), let sourceHigh = reader.wide(), let sourceLow = reader.wide(),
            let high = reader.wide(), let low = reader.wide(), inner == 6
        else { return nil }
        self.init(
            reader.bytes, length: length,
            from: { .ipv6(IPv6Address(high: sourceHigh, low: sourceLow), port: $0) },
            to: { .ipv6(IPv6Address(high: high, low: low), port: $0) })
    }

    private init?(
        _ segment: ArraySlice<UInt8>, length: Int, from: (UInt16) -> SocketAddress, to: (UInt16) -> SocketAddress
    ) {
        var reader = ByteReader(bytes: segment)
        guard let source = reader.number(2), let destination = reader.number(2), let sequence = reader.number(4),
            let acknowledgement = reader.number(4), let offset = reader.number(1), let flags = reader.number(1),
            let window = reader.number(2), reader.skip(4)
        else { return nil }
        let headerLength = (offset >> 4) * 4
        guard headerLength >= 20, headerLength <= length, segment.count >= headerLength else { return nil }
        self.init(
            source: from(UInt16(source)), destination: to(UInt16(destination)),
            flags: TCPFlags(rawValue: UInt8(flags & 0x3f)), sequence: UInt32(sequence),
            acknowledgement: UInt32(acknowledgement), window: UInt16(window),
            options: Self.options(reader.bytes.prefix(headerLength - 20)), length: length - headerLength,
            payload: Array(segment.dropFirst(headerLength).prefix(length - headerLength)))
    }

    /// The options up to the first one that cannot be read.
    private static func options(_ bytes: ArraySlice<UInt8>) -> [TCPOption] {
        var reader = ByteReader(bytes: bytes)
        var options: [TCPOption] = []
        while let kind = reader.number(1), kind != 0 {
            if kind == 1 { continue }
            guard let size = reader.number(1), size >= 2, reader.bytes.count >= size - 2 else { break }
            var value = ByteReader(bytes: reader.bytes.prefix(size - 2))
            _ = reader.skip(size - 2)
            switch (kind, size) {
            case (2, 4): options.append(.maximumSegment(value.number(2) ?? 0))
            case (3, 3): options.append(.windowScale(value.number(1) ?? 0))
            case (4, 2): options.append(.selectiveAcksAllowed)
            case (5, _): options.append(.selectiveAcks((size - 2) / 8))
            case (8, 10):
                options.append(
                    .timestamps(value: UInt32(value.number(4) ?? 0), echo: UInt32(value.number(4) ?? 0)))
            default: options.append(.other(kind: UInt8(kind)))
            }
        }
        return options
    }
}

/// Numbers in network order, from the front of some bytes.
private struct ByteReader {
    var bytes: ArraySlice<UInt8>

    mutating func number(_ count: Int) -> Int? {
        guard bytes.count >= count else { return nil }
        defer { bytes = bytes.dropFirst(count) }
        return bytes.prefix(count).reduce(0) { $0 << 8 | Int($1) }
    }

    mutating func wide() -> UInt64? {
        guard bytes.count >= 8 else { return nil }
        defer { bytes = bytes.dropFirst(8) }
        return bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }

    mutating func skip(_ count: Int) -> Bool {
        guard bytes.count >= count else { return false }
        bytes = bytes.dropFirst(count)
        return true
    }
}
