internal import Glibc

/// Which IP addresses are wanted of a name that may have both kinds.
public enum AddressFamily: Sendable, Hashable, CaseIterable {
    /// Both, in the order of the resolver (RFC 6724: usually IPv6 first where the machine has a route).
    case any
    case ipv4
    case ipv6

    /// As getaddrinfo(3) takes it.
    var number: Int32 {
        switch self {
        case .any: AF_UNSPEC
        case .ipv4: AF_INET
        case .ipv6: AF_INET6
        }
    }

    /// Whether an address belongs to it. Unix sockets belong to all.
    func contains(_ address: SocketAddress) -> Bool {
        switch (self, address) {
        case (.ipv4, .ipv6), (.ipv6, .ipv4): false
        default: true
        }
    }
}
