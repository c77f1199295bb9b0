internal import Glibc

extension SocketOption where Value == Bool {
    private init(_ name: String, _ level: Int32, _ number: Int32, _ scope: OptionScope) {
        self.init(
            name, level, number, scope, encode: { $0 ? 1 : 0 }, decode: { $0 != 0 }, describe: { $0 ? "on" : "off" })
    }

    /// TCP_NODELAY: small segments are sent at once, without waiting for the acknowledgement of earlier ones (Nagle's
    /// algorithm). Kernel default off, Berth's on: with it off, two writes and a read cost 40 ms against a peer that
    /// delays its acknowledgements. `man 7 tcp`.
    public static var noDelay: SocketOption { .init("TCP_NODELAY", OptionLevel.tcp, TCP_NODELAY, .ip) }

    /// SO_KEEPALIVE: the kernel asks an idle peer whether it is still there (``keepAliveIdle``). Kernel default off,
    /// Berth's on. `man 7 socket`.
    public static var keepAlive: SocketOption { .init("SO_KEEPALIVE", OptionLevel.socket, SO_KEEPALIVE, .everySocket) }

    /// TCP_QUICKACK: acknowledge at once instead of up to 40 ms later. Not lasting: the kernel turns it back by
    /// itself as traffic goes on, so it has to be set again, usually after each receive. `man 7 tcp`.
    public static var quickAck: SocketOption { .init("TCP_QUICKACK", OptionLevel.tcp, TCP_QUICKACK, .ip) }

    /// TCP_FASTOPEN_CONNECT: the first bytes that are sent travel with the SYN when the server gave a cookie before.
    /// Connect then returns at once without having reached anyone, and a failure shows at the first send. Needs bit 1
    /// of net.ipv4.tcp_fastopen. Kernel default off. Only for requests that may be done twice (RFC 7413, section 6).
    public static var fastOpenConnect: SocketOption {
        .init("TCP_FASTOPEN_CONNECT", OptionLevel.tcp, TCP_FASTOPEN_CONNECT, .ip)
    }

    /// IPV6_V6ONLY: an IPv6 socket takes no IPv4 traffic. Only before bind. Kernel default: net.ipv6.bindv6only,
    /// usually off. `man 7 ipv6`.
    public static var v6Only: SocketOption { .init("IPV6_V6ONLY", OptionLevel.ipv6, IPV6_V6ONLY, .ipv6Only) }

    /// SO_REUSEADDR. For listeners choose a ``ReusePolicy`` instead. Kernel default off. `man 7 socket`.
    public static var reuseAddress: SocketOption {
        .init("SO_REUSEADDR", OptionLevel.socket, SO_REUSEADDR, .everySocket)
    }

    /// SO_REUSEPORT. For listeners choose ``ReusePolicy/shared`` instead. Kernel default off. `man 7 socket`.
    public static var reusePort: SocketOption { .init("SO_REUSEPORT", OptionLevel.socket, SO_REUSEPORT, .ip) }

    /// IP_BIND_ADDRESS_NO_PORT: a bind to port 0 chooses no port yet; connect does, when the peer is known, so that
    /// one local port serves connections to several peers. Kernel default off. `man 7 ip`.
    public static var bindAddressNoPort: SocketOption {
        .init("IP_BIND_ADDRESS_NO_PORT", OptionLevel.ip, IP_BIND_ADDRESS_NO_PORT, .ip)
    }
}
