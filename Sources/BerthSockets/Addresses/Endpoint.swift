/// Where to connect to or listen on, as a person writes it.
///
/// | text | when listening | when connecting |
/// | --- | --- | --- |
/// | `127.0.0.1:80`, `[::1]:80`, `[fe80::1%eth0]:80` | that address | that address |
/// | `example.org:80` | the first address of that name, IPv4 before IPv6 | each of its addresses |
/// | `:80`, `*:80`, `80` | every interface, IPv6 and IPv4 | the loopback addresses `::1` and `127.0.0.1` |
/// | `/run/app.sock`, `./app.sock`, `unix:app.sock` | a Unix socket with a file | the same |
/// | `@name` | an abstract Unix socket | the same |
///
/// Port 0 asks for a free port when listening. Names of services (`http`) are not looked up.
///
/// A string literal is an endpoint as well. When a literal is wrong, using it throws what ``init(parsing:)`` would
/// have thrown; making the value never traps.
public struct Endpoint: Sendable, Hashable {
    /// What the text stands for.
    public enum Target: Sendable, Hashable {
        /// An address of its own: nothing has to be resolved.
        case address(SocketAddress)
        /// A host name, and a port.
        case host(String, port: UInt16)
        /// Every interface when listening, loopback when connecting.
        case everywhere(port: UInt16)
        /// A wrong string literal. Every use of such an endpoint throws.
        case mistake(EndpointError)
    }

    public let target: Target

    init(target: Target) { self.target = target }

    /// The endpoint of one address.
    public init(_ address: SocketAddress) { target = .address(address) }

    /// The endpoint of a host, given as a name or as a numeric IPv4 or IPv6 address without brackets, and a port.
    public init(host: String, port: UInt16) throws(EndpointError) {
        self = try Endpoint(parsing: host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)")
    }

    /// Every interface when listening (IPv6 and IPv4), the loopback addresses when connecting: `:port`.
    public static func everywhere(port: UInt16) -> Endpoint { Endpoint(target: .everywhere(port: port)) }

    /// `127.0.0.1:port`.
    public static func loopback(port: UInt16) -> Endpoint { Endpoint(.ipv4(.loopback, port: port)) }

    /// The mistake of a wrong string literal; `nil` for every other endpoint.
    public var mistake: EndpointError? {
        if case .mistake(let error) = target { return error }
        return nil
    }

    /// The port; `nil` for Unix sockets.
    public var port: UInt16? {
        switch target {
        case .address(let address): address.port
        case .host(_, let port), .everywhere(let port): port
        case .mistake: nil
        }
    }
}

extension Endpoint: ExpressibleByStringLiteral {
    public init(stringLiteral text: String) {
        do { self = try Endpoint(parsing: text) } catch { self.init(target: .mistake(error)) }
    }
}

extension Endpoint: CustomStringConvertible {
    /// The endpoint as it is written; `*:80` for every interface.
    public var description: String {
        switch target {
        case .address(let address): address.description
        case .host(let name, let port): "\(name):\(port)"
        case .everywhere(let port): "*:\(port)"
        case .mistake(let error): error.text
        }
    }
}
