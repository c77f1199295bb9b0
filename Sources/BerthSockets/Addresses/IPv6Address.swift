internal import BerthSystem

/// An IPv6 address, with the interface it belongs to where that matters (link-local addresses).
///
/// Printed as RFC 5952 asks (lower case, the longest run of zeros as `::`), with the interface behind a percent sign:
/// `fe80::1%eth0`. Every form of RFC 4291 is parsed, also with an IPv4 address at the end.
public struct IPv6Address: Sendable, Hashable {
    /// The first 64 bits.
    public let high: UInt64
    /// The last 64 bits.
    public let low: UInt64
    /// The number of the interface that a link-local address belongs to; 0 for none (`man 7 ipv6`, sin6_scope_id).
    public let scope: UInt32

    public init(high: UInt64, low: UInt64, scope: UInt32 = 0) {
        self.high = high
        self.low = low
        self.scope = scope
    }

    /// The IPv4-mapped form `::ffff:192.0.2.1`, under which a dual-stack listener sees an IPv4 peer.
    public init(mapping address: IPv4Address) {
        self.init(high: 0, low: 0xffff_0000_0000 | UInt64(address.bits))
    }

    /// `::`: every interface when listening.
    public static let any = IPv6Address(high: 0, low: 0)
    /// `::1`.
    public static let loopback = IPv6Address(high: 0, low: 1)

    /// The IPv4 address inside an IPv4-mapped one.
    public var mappedIPv4: IPv4Address? {
        high == 0 && low >> 32 == 0xffff ? IPv4Address(bits: UInt32(truncatingIfNeeded: low)) : nil
    }

    /// Whether it is `::1` or the mapped form of an IPv4 loopback address.
    public var isLoopback: Bool { (high == 0 && low == 1) || mappedIPv4?.isLoopback == true }
    /// Whether it is `::` or the mapped form of `0.0.0.0`.
    public var isWildcard: Bool { (high == 0 && low == 0) || mappedIPv4?.isWildcard == true }
    /// Whether it is one of `fe80::/10`: valid on one link only, so that it needs a ``scope``.
    public var isLinkLocal: Bool { high >> 54 == 0x3fa }

    /// The eight groups of 16 bits.
    public var groups: [UInt16] {
        [high, low].flatMap { half in
            [48, 32, 16, 0].map { UInt16(truncatingIfNeeded: half >> UInt64($0)) }
        }
    }

    /// The sixteen bytes in network order.
    public var bytes: [UInt8] { groups.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xff)] } }

    init(groups: [UInt16], scope: UInt32 = 0) {
        func half(_ part: some Sequence<UInt16>) -> UInt64 { part.reduce(0) { $0 << 16 | UInt64($1) } }
        self.init(high: half(groups.prefix(4)), low: half(groups.dropFirst(4)), scope: scope)
    }

    init(bytes: some Sequence<UInt8>, scope: UInt32) {
        let all = Array(bytes)
        let groups = stride(from: 0, to: all.count - 1, by: 2).map { UInt16(all[$0]) << 8 | UInt16(all[$0 + 1]) }
        self.init(groups: groups, scope: scope)
    }
}

extension IPv6Address: CustomStringConvertible {
    public var description: String {
        guard scope != 0 else { return unscopedDescription }
        return "\(unscopedDescription)%\(Kernel.interfaceName(index: scope) ?? String(scope))"
    }

    private var unscopedDescription: String {
        if let mappedIPv4 { return "::ffff:\(mappedIPv4)" }
        let groups = groups
        let texts = groups.map { String($0, radix: 16) }
        // RFC 5952, section 4.2: the longest run of at least two zero groups, the first one among equals.
        var longest = 0..<0
        var start = 0
        while start < 8 {
            var end = start
            while end < 8, groups[end] == 0 { end += 1 }
            if end - start >= 2, end - start > longest.count { longest = start..<end }
            start = max(end, start + 1)
        }
        guard !longest.isEmpty else { return texts.joined(separator: ":") }
        let front = texts[..<longest.lowerBound].joined(separator: ":")
        return "\(front)::\(texts[longest.upperBound...].joined(separator: ":"))"
    }
}
