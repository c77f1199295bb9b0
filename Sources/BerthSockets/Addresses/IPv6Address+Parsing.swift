internal import BerthSystem

extension IPv6Address {
    /// Parses an address without brackets: `2001:db8::1`, `::ffff:192.0.2.1`, `fe80::1%eth0`, `fe80::1%2`; `nil` when
    /// the text is anything else, or names an interface that this machine does not have.
    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "%", maxSplits: 1, omittingEmptySubsequences: false)
        guard let groups = Self.parseGroups(Substring(parts[0])) else { return nil }
        guard parts.count == 2 else {
            self.init(groups: groups)
            return
        }
        guard let scope = Self.scope(named: String(parts[1])) else { return nil }
        self.init(groups: groups, scope: scope)
    }

    /// The number of an interface that is given by its name or, in decimal digits, by its number.
    static func scope(named name: String) -> UInt32? {
        if let index = Kernel.interfaceIndex(named: name) { return index }
        // A number is taken whether or not the interface exists now: it may come back.
        guard !name.isEmpty, name.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return nil }
        return UInt32(name).flatMap { $0 == 0 ? nil : $0 }
    }

    /// The eight groups of an address without its scope (RFC 4291, section 2.2).
    static func parseGroups(_ text: Substring) -> [UInt16]? {
        guard let gap = range(ofGapIn: text) else {
            guard let groups = groupList(text), groups.count == 8 else { return nil }
            return groups
        }
        // Only the last part of the whole address may be an IPv4 address, and there is one gap only.
        guard let front = groupList(text[..<gap.lowerBound], mayEndInIPv4: false),
            let back = groupList(text[gap.upperBound...]), front.count + back.count <= 7
        else { return nil }
        return front + [UInt16](repeating: 0, count: 8 - front.count - back.count) + back
    }

    private static func range(ofGapIn text: Substring) -> Range<Substring.Index>? {
        var index = text.startIndex
        while index < text.endIndex {
            let next = text.index(after: index)
            if next < text.endIndex, text[index] == ":", text[next] == ":" {
                return index..<text.index(after: next)
            }
            index = next
        }
        return nil
    }

    /// Groups between single colons; none for an empty text.
    private static func groupList(_ text: Substring, mayEndInIPv4: Bool = true) -> [UInt16]? {
        if text.isEmpty { return [] }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count <= 8 else { return nil }
        var groups: [UInt16] = []
        for (index, part) in parts.enumerated() {
            if mayEndInIPv4, index == parts.count - 1, let address = IPv4Address(part) {
                groups += [UInt16(address.bits >> 16), UInt16(truncatingIfNeeded: address.bits)]
            } else if let group = group(part) {
                groups.append(group)
            } else {
                return nil
            }
        }
        return groups
    }

    /// One to four hexadecimal digits.
    private static func group(_ text: Substring) -> UInt16? {
        // UInt16(_:radix:) would take a sign.
        guard (1...4).contains(text.utf8.count), text.allSatisfy({ $0.isASCII && $0.isHexDigit }) else { return nil }
        return UInt16(text, radix: 16)
    }
}
