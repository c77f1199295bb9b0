public import BerthFraming
internal import Glibc

extension SocketOption where Value == ByteCount {
    private init(_ name: String, _ level: Int32, _ number: Int32, _ scope: OptionScope) {
        self.init(
            name, level, number, scope, encode: { Int32(clamping: $0.bytes) },
            // TCP_NOTSENT_LOWAT is unsigned: its default, "no limit", reads as -1.
            decode: { $0 < 0 ? .unlimited : ByteCount(Int($0)) })
    }

    /// SO_SNDBUF: how much may wait to be sent and acknowledged. The kernel takes at most net.core.wmem_max, doubles
    /// the number to make room for its own bookkeeping, and that double is what reading returns. Setting it ends the
    /// automatic sizing (net.ipv4.tcp_wmem), which is usually better. `man 7 socket`.
    public static var sendBuffer: SocketOption { .init("SO_SNDBUF", OptionLevel.socket, SO_SNDBUF, .everySocket) }

    /// SO_RCVBUF: how much may wait to be received. Limit net.core.rmem_max; doubled and ending the automatic sizing
    /// as ``sendBuffer`` is. For windows above 64 KiB it has to be set before listen or connect. `man 7 socket`.
    public static var receiveBuffer: SocketOption { .init("SO_RCVBUF", OptionLevel.socket, SO_RCVBUF, .everySocket) }

    /// TCP_NOTSENT_LOWAT: the socket counts as writable only while less than this waits unsent, which keeps the
    /// backlog of a sender short and fresh. Kernel default net.ipv4.tcp_notsent_lowat, usually no limit; 0 sets that
    /// default. Source: net.ipv4.tcp_notsent_lowat in the kernel's `ip-sysctl`.
    public static var notSentLowWater: SocketOption {
        .init("TCP_NOTSENT_LOWAT", OptionLevel.tcp, TCP_NOTSENT_LOWAT, .ip)
    }
}
