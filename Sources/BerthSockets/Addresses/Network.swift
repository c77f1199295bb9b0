/// A block of IP addresses, as CIDR writes it (RFC 4632): `10.0.0.0/8`, `2001:db8::/32`; an address alone is a block of one.
public struct Network: Sendable, Hashable {
    /// The first address, in the IPv4-mapped form for IPv4: both families are compared as 128 bits.
    let high: UInt64
    let low: UInt64
    /// How many bits of the 128 are the network's.
    let bits: Int
    let isIPv4: Bool

    /// A block of IPv4 addresses; bits of the address behind the prefix are ignored.
    public init(_ address: IPv4Address, prefix: Int) {
        self.init(IPv6Address(mapping: address), bits: 96 + min(max(prefix, 0), 32), isIPv4: true)
    }

    /// A block of IPv6 addresses; bits of the address behind the prefix are ignored. One of IPv4-mapped addresses is that
    /// block of IPv4.
    public init(_ address: IPv6Address, prefix: Int) {
        let bits = min(max(prefix, 0), 128)
        self.init(address, bits: bits, isIPv4: bits >= 96 && address.mappedIPv4 != nil)
    }

    private init(_ address: IPv6Address, bits: Int, isIPv4: Bool) {
        self.init(high: address.high, low: address.low, bits: bits, isIPv4: isIPv4)
    }

    package init(high: UInt64, low: UInt64, bits: Int, isIPv4: Bool) {
        self.high = high & Self.mask(bits)
        self.low = low & Self.mask(bits - 64)
        self.bits = bits
        self.isIPv4 = isIPv4
    }

    /// What ``init(high:low:bits:isIPv4:)`` takes, to be kept elsewhere.
    package var parts: (high: UInt64, low: UInt64, bits: Int, isIPv4: Bool) { (high, low, bits, isIPv4) }

    /// As many ones as `bits`, from the highest on.
    private static func mask(_ bits: Int) -> UInt64 {
        bits <= 0 ? 0 : bits >= 64 ? .max : ~(.max >> UInt64(bits))
    }

    /// Parses `ADDRESS/PREFIX` or `ADDRESS`; `nil` for anything else, and when bits behind the prefix are set: then it is
    /// not clear what is meant.
    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        let digits = parts.count == 2 ? parts[1] : nil
        if let digits, digits.isEmpty || digits.count > 3 || !digits.allSatisfy({ $0.isASCII && $0.isNumber }) {
            return nil
        }
        if let address = IPv4Address(parts[0]) {
            guard let prefix = digits.map({ Int($0) }) ?? 32, prefix <= 32 else { return nil }
            self.init(address, prefix: prefix)
            if low & 0xFFFF_FFFF != UInt64(address.bits) { return nil }
        } else if let address = IPv6Address(String(parts[0])), address.scope == 0 {
            guard let prefix = digits.map({ Int($0) }) ?? 128, prefix <= 128 else { return nil }
            self.init(address, prefix: prefix)
            if high != address.high || low != address.low { return nil }
        } else {
            return nil
        }
    }

    /// Whether an address lies in it. IPv4-mapped IPv6 addresses, which a dual-stack listener sees, are IPv4.
    public func contains(_ address: SocketAddress) -> Bool {
        switch address {
        case .ipv4(let address, _): contains(IPv6Address(mapping: address))
        case .ipv6(let address, _): contains(address)
        case .unix, .abstract, .unnamed: false
        }
    }

    private func contains(_ address: IPv6Address) -> Bool {
        // `::/0` is all of IPv6, and not of IPv4.
        if isIPv4 != (address.mappedIPv4 != nil) { return false }
        return address.high & Self.mask(bits) == high && address.low & Self.mask(bits - 64) == low
    }
}

extension Network: CustomStringConvertible {
    public var description: String {
        if isIPv4 { return "\(IPv4Address(bits: UInt32(truncatingIfNeeded: low)))/\(bits - 96)" }
        return "\(IPv6Address(high: high, low: low))/\(bits)"
    }
}

/// Who may connect, by address.
///
/// Of the blocks that an address lies in the longest decides, and of two that are as long the one that denies. An address
/// that lies in none may connect, unless there are blocks that allow: then only they do. Unix sockets have no addresses, and
/// are decided by the rights of their file.
public struct AccessList: Sendable, Hashable {
    /// Blocks whose addresses may connect.
    public var allow: [Network]
    /// Blocks whose addresses may not.
    public var deny: [Network]

    /// Without blocks, everybody may.
    public init(allow: [Network] = [], deny: [Network] = []) {
        self.allow = allow
        self.deny = deny
    }

    /// What is decided on an address.
    public enum Decision: Sendable, Hashable {
        case allowed
        /// By this block, or because no block allows it.
        case denied(Network?)
    }

    public func decision(on address: SocketAddress) -> Decision {
        guard address.isIP else { return .allowed }
        let allowed = allow.lazy.filter { $0.contains(address) }.map(\.bits).max() ?? -1
        let denied = deny.filter { $0.contains(address) }.max { $0.bits < $1.bits }
        if let denied, denied.bits >= allowed { return .denied(denied) }
        return allowed >= 0 || allow.isEmpty ? .allowed : .denied(nil)
    }

    /// Whether everybody may.
    public var isEmpty: Bool { allow.isEmpty && deny.isEmpty }
}
