internal import Glibc

extension SocketOption where Value == Int {
    private init(_ name: String, _ level: Int32, _ number: Int32, _ scope: OptionScope) {
        self.init(name, level, number, scope, encode: { Int32(clamping: $0) }, decode: { Int($0) })
    }

    /// TCP_KEEPCNT: how many questions of keep-alive may go unanswered before the connection ends with ETIMEDOUT.
    /// Kernel default 9, Berth's 6, at most 127. ``userTimeout`` overrides it. `man 7 tcp`.
    public static var keepAliveCount: SocketOption { .init("TCP_KEEPCNT", OptionLevel.tcp, TCP_KEEPCNT, .ip) }

    /// TCP_FASTOPEN, on a listener: how many connections that were made with data in the SYN may wait for the rest of
    /// their handshake. Kernel default 0, which is off. Needs bit 2 of net.ipv4.tcp_fastopen. `man 7 tcp`, RFC 7413.
    public static var fastOpen: SocketOption { .init("TCP_FASTOPEN", OptionLevel.tcp, TCP_FASTOPEN, .ip) }

    /// SO_INCOMING_CPU: the CPU that handled the last packet; set on one listener of a ``ReusePolicy/shared`` group,
    /// it is preferred for packets of that CPU. Kernel default -1, none. `man 7 socket`.
    public static var incomingCPU: SocketOption {
        .init("SO_INCOMING_CPU", OptionLevel.socket, SO_INCOMING_CPU, .everySocket)
    }
}

extension SocketOption where Value == String {
    /// TCP_CONGESTION: the congestion control algorithm. Kernel default net.ipv4.tcp_congestion_control. Those of
    /// net.ipv4.tcp_allowed_congestion_control are open to everyone; others need CAP_NET_ADMIN. At most 15 bytes.
    /// `man 7 tcp`.
    public static var congestionControl: SocketOption {
        .init(
            name: "TCP_CONGESTION", scope: .ip, level: OptionLevel.tcp, number: TCP_CONGESTION, size: 16,
            encode: { Array($0.utf8) }, decode: { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) },
            describe: { "\"\($0)\"" })
    }
}
