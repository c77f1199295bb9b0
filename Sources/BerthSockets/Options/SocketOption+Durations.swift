internal import BerthSystem
internal import Glibc

extension SocketOption where Value == Duration {
    /// A time in whole seconds, rounded up so that a short one does not become 0.
    private init(seconds name: String, _ number: Int32) {
        self.init(
            name, OptionLevel.tcp, number, .ip, encode: { Int32(clamping: $0.roundedUp(to: 1_000_000_000)) },
            decode: { .seconds(Int64($0)) }, describe: { $0.short })
    }

    /// TCP_KEEPIDLE: how long a connection is idle before the kernel asks the peer. Whole seconds, 1 to 32,767. Kernel
    /// default 7,200 s, Berth's 60 s. `man 7 tcp`.
    public static var keepAliveIdle: SocketOption { .init(seconds: "TCP_KEEPIDLE", TCP_KEEPIDLE) }

    /// TCP_KEEPINTVL: the time between two questions. Whole seconds, 1 to 32,767. Kernel default 75 s, Berth's 10 s.
    /// `man 7 tcp`.
    public static var keepAliveInterval: SocketOption { .init(seconds: "TCP_KEEPINTVL", TCP_KEEPINTVL) }

    /// TCP_DEFER_ACCEPT, on a listener: a connection is reported only when its first data arrived, or after about this
    /// time. Whole seconds, which the kernel turns into a number of retransmissions and back: what is read is usually
    /// more. Kernel default 0, off. Of no use, and delaying, where the server speaks first. `man 7 tcp`.
    public static var deferAccept: SocketOption { .init(seconds: "TCP_DEFER_ACCEPT", TCP_DEFER_ACCEPT) }

    /// TCP_USER_TIMEOUT: how long sent data may stay unacknowledged before the connection ends with ETIMEDOUT. In
    /// milliseconds. Kernel default 0: net.ipv4.tcp_retries2, about 924 s. Berth's 30 s. With keep-alive it also
    /// decides when an idle peer is given up, in place of ``keepAliveCount``. `man 7 tcp`, RFC 5482.
    public static var userTimeout: SocketOption {
        .init(
            "TCP_USER_TIMEOUT", OptionLevel.tcp, TCP_USER_TIMEOUT, .ip,
            encode: { Int32(clamping: $0.roundedUp(to: 1_000_000)) }, decode: { .milliseconds(Int64($0)) },
            describe: { $0.short })
    }
}

extension SocketOption where Value == Duration? {
    /// SO_LINGER: how long `close` waits for what was sent to be acknowledged. `nil`, the default: it does not wait,
    /// and the kernel goes on sending. Whole seconds; zero makes every close an RST that throws the unsent away.
    ///
    /// It is no cure for lost replies: when the time is over, close returns without saying so, and unread input still
    /// makes it an RST. Close by ``TCPSocket/finish(within:discarding:)`` instead. `man 7 socket`.
    public static var linger: SocketOption {
        .init(
            name: "SO_LINGER", scope: .everySocket, level: OptionLevel.socket, number: SO_LINGER, size: 8,
            encode: { time in
                // struct linger: whether, and how many seconds.
                let seconds = Int32(clamping: max(0, (time ?? .zero).roundedUp(to: 1_000_000_000)))
                return OptionBytes.bytes(of: time == nil ? 0 : 1) + OptionBytes.bytes(of: seconds)
            },
            decode: { OptionBytes.int($0) == 0 ? nil : .seconds(Int64(OptionBytes.int($0, at: 4))) },
            describe: { $0?.short ?? "off" })
    }
}

extension Duration {
    /// How many units of so many nanoseconds this is, rounded up.
    fileprivate func roundedUp(to unit: Int64) -> Int64 {
        let nanoseconds = wholeNanoseconds
        return nanoseconds / unit + (nanoseconds % unit > 0 ? 1 : 0)
    }
}
