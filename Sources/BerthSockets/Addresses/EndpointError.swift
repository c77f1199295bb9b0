/// Why a text is not an ``Endpoint``: one sentence that says what is wrong with it and how it is written.
public struct EndpointError: Error, Sendable, Hashable {
    /// The kinds of mistake.
    public enum Reason: Sendable, Hashable {
        case empty
        case hasSpaces
        case isURL
        case missingPort
        case portNotANumber(String)
        case portOutOfRange(String)
        case unbracketedIPv6
        case unclosedBracket
        case junkAfterBracket
        case badIPv6(String)
        case unknownInterface(String)
        case badIPv4(String)
        case nonASCIIHost
        case badHost(String)
        case emptyPath
        case pathTooLong(Int)
        case nullInPath
        case emptyAbstractName
    }

    /// The text that was to be an endpoint.
    public let text: String
    public let reason: Reason
}

extension EndpointError: CustomStringConvertible {
    public var description: String { "\"\(text)\" is not an address to connect to or listen on: \(sentence)" }

    /// The reason as a part of a sentence: lower case, no full stop.
    public var sentence: String {
        switch reason {
        case .empty: "it is empty; write HOST:PORT, :PORT or a path"
        case .hasSpaces: "it has spaces or control characters"
        case .isURL: "it is a URL; write only HOST:PORT"
        case .missingPort: "the port is missing; write \(hostOfText):PORT"
        case .portNotANumber(let port): "the port \"\(port)\" is not a number"
        case .portOutOfRange(let port): "the port \(port) is above 65535"
        case .unbracketedIPv6: "an IPv6 address is written in brackets in front of the port, as in [::1]:80"
        case .unclosedBracket: "the bracket is not closed; an IPv6 address is written as in [::1]:80"
        case .junkAfterBracket: "only :PORT may follow the closing bracket"
        case .badIPv6(let address): "\"\(address)\" is not an IPv6 address"
        case .unknownInterface(let name): "this machine has no network interface \"\(name)\""
        case .badIPv4(let address):
            "\"\(address)\" is not an IPv4 address: that is four numbers from 0 to 255 without leading zeros"
        case .nonASCIIHost: "a host name is ASCII; write an international name in its xn-- form"
        case .badHost(let host): "\"\(host)\" is not a host name"
        case .emptyPath: "the path of the Unix socket is empty"
        case .pathTooLong(let count):
            "the name of a Unix socket has at most \(SocketAddress.maximumPathLength) bytes, this one has \(count)"
        case .nullInPath: "a path cannot hold a null byte"
        case .emptyAbstractName: "the abstract name is empty; write @NAME"
        }
    }

    /// What stands before the missing port.
    private var hostOfText: String { text.hasSuffix(":") ? String(text.dropLast()) : text }
}
