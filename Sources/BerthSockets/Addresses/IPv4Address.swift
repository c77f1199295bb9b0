/// An IPv4 address.
///
/// Printed and parsed as four decimal numbers, `192.0.2.1`. Parsing is strict: no leading zeros (some programs read
/// them as octal), no short forms such as `127.1`, no hexadecimal, all of which `inet_aton(3)` takes.
public struct IPv4Address: Sendable, Hashable {
    /// The 32 bits, the first number of the text in the highest byte: `127.0.0.1` is `0x7f00_0001`.
    public let bits: UInt32

    public init(bits: UInt32) { self.bits = bits }

    public init(_ a: UInt8, _ b: UInt8, _ c: UInt8, _ d: UInt8) {
        bits = UInt32(a) << 24 | UInt32(b) << 16 | UInt32(c) << 8 | UInt32(d)
    }

    /// Parses an address; `nil` when the text is anything but one.
    public init?(_ text: some StringProtocol) {
        let parts = text.utf8.split(separator: UInt8(ascii: "."), maxSplits: 4, omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var bits: UInt32 = 0
        for part in parts {
            guard let number = Self.decimal(part) else { return nil }
            bits = bits << 8 | UInt32(number)
        }
        self.bits = bits
    }

    /// A number from 0 to 255 without leading zeros.
    private static func decimal(_ text: some Collection<UInt8>) -> UInt8? {
        guard let first = text.first, text.count == 1 || first != UInt8(ascii: "0"), text.count <= 3 else { return nil }
        var value = 0
        for byte in text {
            guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
            value = value * 10 + Int(byte - UInt8(ascii: "0"))
        }
        return UInt8(exactly: value)
    }

    /// `0.0.0.0`: every interface when listening.
    public static let any = IPv4Address(bits: 0)
    /// `127.0.0.1`.
    public static let loopback = IPv4Address(127, 0, 0, 1)

    /// Whether it is one of `127.0.0.0/8`.
    public var isLoopback: Bool { bits >> 24 == 127 }
    /// Whether it is `0.0.0.0`.
    public var isWildcard: Bool { bits == 0 }
    /// Whether it is one of `224.0.0.0/4`.
    public var isMulticast: Bool { bits >> 28 == 0xe }

    /// The four numbers in the order of the text.
    public var bytes: [UInt8] { [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: bits >> $0) } }
}

extension IPv4Address: CustomStringConvertible {
    public var description: String { bytes.map(String.init).joined(separator: ".") }
}
