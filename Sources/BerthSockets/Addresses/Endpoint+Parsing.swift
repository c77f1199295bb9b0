internal import BerthSystem

extension Endpoint {
    /// Parses one of the forms that ``Endpoint`` lists.
    ///
    /// Nothing is resolved; only the interface behind `%` is looked up on this machine.
    public init(parsing text: String) throws(EndpointError) {
        do { target = try Self.parse(text) } catch { throw EndpointError(text: text, reason: error) }
    }

    private typealias Reason = EndpointError.Reason

    private static func parse(_ text: String) throws(Reason) -> Target {
        if text.isEmpty { throw .empty }
        if text.hasPrefix("unix:@") { return try abstract(text.dropFirst(6)) }
        if text.hasPrefix("unix:") { return try path(text.dropFirst(5)) }
        if ["/", "./", "../"].contains(where: { text.hasPrefix($0) }) { return try path(text[...]) }
        if text.hasPrefix("@") { return try abstract(text.dropFirst()) }
        if text.unicodeScalars.contains(where: { $0.value <= 0x20 || $0.value == 0x7f }) { throw .hasSpaces }
        if text.contains("://") { throw .isURL }
        if text.hasPrefix("[") { return try bracketed(text) }
        if text.utf8.allSatisfy(isDigit) { return .everywhere(port: try port(text[...])) }

        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        if parts.count > 2 { throw .unbracketedIPv6 }
        // The name first: a wrong name without a port is better told about the name.
        let target = try host(parts[0])
        guard parts.count == 2, !parts[1].isEmpty else { throw .missingPort }
        return target(try port(parts[1]))
    }

    /// `[ADDRESS]:PORT`.
    private static func bracketed(_ text: String) throws(Reason) -> Target {
        guard let end = text.firstIndex(of: "]") else { throw .unclosedBracket }
        let inside = text[text.index(after: text.startIndex)..<end]
        guard let address = IPv6Address(inside) else {
            let parts = inside.split(separator: "%", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2, IPv6Address.parseGroups(parts[0]) != nil { throw .unknownInterface(String(parts[1])) }
            throw .badIPv6(String(inside))
        }
        let rest = text[text.index(after: end)...]
        if rest.isEmpty || rest == ":" { throw .missingPort }
        guard rest.hasPrefix(":") else { throw .junkAfterBracket }
        return .address(.ipv6(address, port: try port(rest.dropFirst())))
    }

    /// What stands before the only colon, as something that needs a port.
    private static func host(_ text: Substring) throws(Reason) -> @Sendable (UInt16) -> Target {
        if text.isEmpty || text == "*" { return { .everywhere(port: $0) } }
        if let address = IPv4Address(text) { return { .address(.ipv4(address, port: $0)) } }
        let name = String(text)
        // A host name whose last label is a number cannot exist (RFC 3696, section 2): it is a mistyped address.
        let labels = (name.hasSuffix(".") ? text.dropLast() : text)
            .split(separator: ".", omittingEmptySubsequences: false)
        if let last = labels.last, !last.isEmpty, last.utf8.allSatisfy(isDigit) { throw .badIPv4(name) }
        guard name.utf8.allSatisfy({ $0 < 0x80 }) else { throw .nonASCIIHost }
        guard name.utf8.count <= 253, !labels.isEmpty, labels.allSatisfy(isLabel) else { throw .badHost(name) }
        return { .host(name, port: $0) }
    }

    /// One part of a host name: letters, digits, hyphens inside, and the underscore that many internal names have.
    private static func isLabel(_ label: Substring) -> Bool {
        (1...63).contains(label.utf8.count) && !label.hasPrefix("-") && !label.hasSuffix("-")
            && label.utf8.allSatisfy { byte in
                isDigit(byte) || (0x61...0x7a).contains(byte | 0x20) || byte == UInt8(ascii: "-")
                    || byte == UInt8(ascii: "_")
            }
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }

    private static func port(_ text: Substring) throws(Reason) -> UInt16 {
        guard text.utf8.allSatisfy(isDigit) else { throw .portNotANumber(String(text)) }
        guard let port = UInt16(text) else { throw .portOutOfRange(String(text)) }
        return port
    }

    private static func path(_ text: Substring) throws(Reason) -> Target {
        if text.isEmpty { throw .emptyPath }
        if text.utf8.contains(0) { throw .nullInPath }
        if text.utf8.count > SocketAddress.maximumPathLength { throw .pathTooLong(text.utf8.count) }
        return .address(.unix(path: String(text)))
    }

    private static func abstract(_ name: Substring) throws(Reason) -> Target {
        if name.isEmpty { throw .emptyAbstractName }
        if name.utf8.count > SocketAddress.maximumPathLength { throw .pathTooLong(name.utf8.count) }
        return .address(.abstract(name: Array(name.utf8)))
    }
}

// Only inside the parser, which wraps it with the text.
extension EndpointError.Reason: Error {}
