internal import BerthSockets
internal import BerthSystem
internal import Glibc

/// A socket option with its value, for the lists in which experiments give them.
package struct LabOption: Sendable, Hashable {
    /// How a diagram tells of it, for example `SO_REUSEADDR`.
    package let text: String
    private let level: Int32
    private let number: Int32
    private let value: [Int32]

    private init(_ name: String, _ level: Int32, _ number: Int32, _ value: [Int32], text: String? = nil) {
        self.level = level
        self.number = number
        self.value = value
        self.text = text ?? (value == [1] ? name : "\(name)=\(value.map(String.init).joined(separator: ","))")
    }

    private static func general(_ name: String, _ number: Int32, _ value: Int32...) -> LabOption {
        LabOption(name, SOL_SOCKET, number, value)
    }

    private static func tcp(_ name: String, _ number: Int32, _ value: Int32) -> LabOption {
        LabOption(name, Int32(IPPROTO_TCP), number, [value])
    }

    package static let reuseAddress = general("SO_REUSEADDR", SO_REUSEADDR, 1)
    package static let reusePort = general("SO_REUSEPORT", SO_REUSEPORT, 1)
    package static func reuseAddress(_ on: Bool) -> LabOption { general("SO_REUSEADDR", SO_REUSEADDR, on ? 1 : 0) }
    package static func reusePort(_ on: Bool) -> LabOption { general("SO_REUSEPORT", SO_REUSEPORT, on ? 1 : 0) }
    package static let keepAlive = general("SO_KEEPALIVE", SO_KEEPALIVE, 1)
    package static func linger(_ seconds: Int32) -> LabOption { general("SO_LINGER", SO_LINGER, 1, seconds) }
    package static func sendBuffer(_ count: Int32) -> LabOption { general("SO_SNDBUF", SO_SNDBUF, count) }
    package static func receiveBuffer(_ count: Int32) -> LabOption { general("SO_RCVBUF", SO_RCVBUF, count) }
    package static func ipv6Only(_ on: Bool) -> LabOption {
        LabOption("IPV6_V6ONLY", Int32(IPPROTO_IPV6), IPV6_V6ONLY, [on ? 1 : 0])
    }
    /// Takes part in a group on the loopback interface (`struct ip_mreq`).
    package static func joinGroup(_ text: String) -> LabOption {
        let group = Int32(bitPattern: IPv4Address(text)?.bits.bigEndian ?? 0)
        return LabOption(
            "IP_ADD_MEMBERSHIP", Int32(IPPROTO_IP), IP_ADD_MEMBERSHIP, [group, loopback],
            text: "IP_ADD_MEMBERSHIP=\(text)")
    }
    /// Sends to groups by the loopback interface.
    package static let groupsByLoopback = LabOption(
        "IP_MULTICAST_IF", Int32(IPPROTO_IP), IP_MULTICAST_IF, [loopback], text: "IP_MULTICAST_IF=127.0.0.1")
    private static let loopback = Int32(bitPattern: IPv4Address.loopback.bits.bigEndian)
    /// IP_BIND_ADDRESS_NO_PORT of linux/in.h.
    package static let bindAddressWithoutPort = LabOption("IP_BIND_ADDRESS_NO_PORT", Int32(IPPROTO_IP), 24, [1])
    package static let noDelay = tcp("TCP_NODELAY", TCP_NODELAY, 1)
    package static func linger2(_ seconds: Int32) -> LabOption { tcp("TCP_LINGER2", TCP_LINGER2, seconds) }
    package static func userTimeout(milliseconds: Int32) -> LabOption {
        tcp("TCP_USER_TIMEOUT", TCP_USER_TIMEOUT, milliseconds)
    }
    package static func synRetries(_ count: Int32) -> LabOption { tcp("TCP_SYNCNT", TCP_SYNCNT, count) }
    package static func deferAccept(_ seconds: Int32) -> LabOption {
        tcp("TCP_DEFER_ACCEPT", TCP_DEFER_ACCEPT, seconds)
    }
    package static func keepAliveIdle(_ seconds: Int32) -> LabOption { tcp("TCP_KEEPIDLE", TCP_KEEPIDLE, seconds) }
    package static func keepAliveInterval(_ seconds: Int32) -> LabOption {
        tcp("TCP_KEEPINTVL", TCP_KEEPINTVL, seconds)
    }
    package static func keepAliveCount(_ count: Int32) -> LabOption { tcp("TCP_KEEPCNT", TCP_KEEPCNT, count) }

    func apply(to descriptor: Int32) throws(Errno) {
        try Kernel.setOption(descriptor, level: level, name: number, bytes: value.flatMap { Self.bytes($0) })
    }

    private static func bytes(_ value: Int32) -> [UInt8] { unsafe withUnsafeBytes(of: value) { unsafe Array($0) } }
}
