extension ByteCount: CustomStringConvertible {
    /// "1 MiB", "64 KiB", "1,000 bytes" or "unlimited": the largest unit in which the count is a whole number.
    public var description: String {
        self == .unlimited ? "unlimited" : Self.describe(UInt64(bytes))
    }

    /// The same for a count that comes from a peer and may be above `Int.max`.
    static func describe(_ bytes: UInt64) -> String {
        for (shift, unit) in [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")] as [(UInt64, String)] {
            let size = UInt64(1) << shift
            if bytes >= size, bytes % size == 0 { return "\(grouped(bytes / size)) \(unit)" }
        }
        return bytes == 1 ? "1 byte" : "\(grouped(bytes)) bytes"
    }

    /// `number` with a comma after every third digit.
    static func grouped(_ number: UInt64) -> String {
        let digits = Array(String(number).utf8)
        var text = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { text.append(",") }
            text.unicodeScalars.append(Unicode.Scalar(digit))
        }
        return text
    }
}

extension ByteCount {
    /// Reads a count as it is written in a command option: `512`, `64k`, `1MiB`, `1.5m`, `2g`, `unlimited`.
    ///
    /// A unit is `b`, `k`, `m`, `g` or `t`, or its long form `KiB`, `MiB`, `GiB`, `TiB`, in any case, after at most
    /// one space. All are powers of 1,024; `kB` and `MB` are refused because people disagree about them. A decimal
    /// fraction is taken when it comes to a whole number of bytes.
    ///
    /// Returns `nil` for anything else: garbage, a sign, a fraction of a byte, a count above `Int.max`.
    public init?(parsing text: some StringProtocol) {
        if text.lowercased() == "unlimited" {
            self = .unlimited
            return
        }
        let digits: (UInt8) -> Bool = { $0 >= 0x30 && $0 <= 0x39 }
        var rest = text.utf8[...]
        let whole = rest.prefix(while: digits)
        rest = rest.dropFirst(whole.count)
        var fraction = rest.prefix(0)
        if rest.first == UInt8(ascii: ".") {
            fraction = rest.dropFirst().prefix(while: digits)
            if fraction.isEmpty { return nil }
            rest = rest.dropFirst(1 + fraction.count)
        }
        if rest.first == UInt8(ascii: " ") {
            rest = rest.dropFirst()
            if rest.isEmpty { return nil }
        }
        guard !whole.isEmpty, fraction.count <= 9, let unit = Self.unit(String(decoding: rest, as: UTF8.self)),
            let count = Int(String(decoding: whole, as: UTF8.self))
        else { return nil }
        let (bytes, overflow) = count.multipliedReportingOverflow(by: unit)
        if overflow { return nil }
        guard let numerator = fraction.isEmpty ? 0 : Int(String(decoding: fraction, as: UTF8.self)) else { return nil }
        let denominator = fraction.reduce(1) { power, _ in power * 10 }
        let (scaled, tooLarge) = numerator.multipliedReportingOverflow(by: unit)
        if tooLarge || scaled % denominator != 0 { return nil }
        let (sum, above) = bytes.addingReportingOverflow(scaled / denominator)
        if above { return nil }
        self.init(sum)
    }

    private static func unit(_ name: String) -> Int? {
        switch name.lowercased() {
        case "", "b", "byte", "bytes": 1
        case "k", "kib": 1 << 10
        case "m", "mib": 1 << 20
        case "g", "gib": 1 << 30
        case "t", "tib": 1 << 40
        default: nil
        }
    }
}
