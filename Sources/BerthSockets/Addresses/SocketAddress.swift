/// The address of a socket, as the kernel knows it: an IP address and a port, or a name of the Unix domain.
///
/// What a user writes, possibly with a host name, is an ``Endpoint``. Printed in the same forms: `127.0.0.1:80`,
/// `[::1]:80`, `/run/app.sock`, `@name`.
///
/// Sources: `man 7 ip`, `man 7 ipv6`, `man 7 unix`.
public enum SocketAddress: Sendable, Hashable {
    case ipv4(IPv4Address, port: UInt16)
    case ipv6(IPv6Address, port: UInt16)
    /// A Unix socket with a file: at most 107 bytes of UTF-8 (``maximumPathLength``).
    case unix(path: String)
    /// A Unix socket whose name is not in the file system: at most 107 bytes of any value. Every process of the same
    /// network namespace can connect, whoever it belongs to.
    case abstract(name: [UInt8])
    /// A Unix socket without a name, as clients of Unix sockets usually are.
    case unnamed

    /// The bytes that a Unix path or an abstract name may have: sun_path has 108, one of which is the null behind a
    /// path or in front of an abstract name.
    public static let maximumPathLength = 107

    /// The port of an IP address.
    public var port: UInt16? {
        switch self {
        case .ipv4(_, let port), .ipv6(_, let port): port
        case .unix, .abstract, .unnamed: nil
        }
    }

    /// The same address with another port; addresses without a port are returned as they are.
    public func withPort(_ port: UInt16) -> SocketAddress {
        switch self {
        case .ipv4(let address, _): .ipv4(address, port: port)
        case .ipv6(let address, _): .ipv6(address, port: port)
        case .unix, .abstract, .unnamed: self
        }
    }

    /// Whether it is an IP address and not a Unix socket.
    public var isIP: Bool { port != nil }

    /// Whether traffic to it stays on this machine by its own nature: `127.0.0.0/8`, `::1`, every Unix socket.
    public var isLoopback: Bool {
        switch self {
        case .ipv4(let address, _): address.isLoopback
        case .ipv6(let address, _): address.isLoopback
        case .unix, .abstract, .unnamed: true
        }
    }

    /// Whether it stands for every interface: `0.0.0.0` or `::`.
    public var isWildcard: Bool {
        switch self {
        case .ipv4(let address, _): address.isWildcard
        case .ipv6(let address, _): address.isWildcard
        case .unix, .abstract, .unnamed: false
        }
    }

    /// The IPv4 address inside an IPv4-mapped IPv6 one (`[::ffff:192.0.2.1]:80` becomes `192.0.2.1:80`); everything
    /// else as it is. A dual-stack listener sees its IPv4 peers in the mapped form.
    public var unmapped: SocketAddress {
        guard case .ipv6(let address, let port) = self, let inner = address.mappedIPv4 else { return self }
        return .ipv4(inner, port: port)
    }
}

extension SocketAddress: CustomStringConvertible {
    public var description: String {
        switch self {
        case .ipv4(let address, let port): "\(address):\(port)"
        case .ipv6(let address, let port): "[\(address)]:\(port)"
        case .unix(let path): ["/", "./", "../"].contains { path.hasPrefix($0) } ? path : "unix:\(path)"
        case .abstract(let name): "@\(Self.printable(name))"
        case .unnamed: "an unnamed Unix socket"
        }
    }

    /// Bytes that are not printable ASCII as `\xNN`, so that a name cannot disturb a terminal.
    private static func printable(_ bytes: [UInt8]) -> String {
        var text = ""
        for byte in bytes {
            if byte > 0x20, byte < 0x7f, byte != UInt8(ascii: "\\") {
                text.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                let digits = String(byte, radix: 16)
                text += digits.count == 1 ? "\\x0\(digits)" : "\\x\(digits)"
            }
        }
        return text
    }
}
