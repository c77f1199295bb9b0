internal import BerthSockets

/// Whether two sockets with the same port claim the same address, as the kernel compares them.
///
/// Equal addresses overlap, and a wildcard overlaps every address of its family. `[::]` overlaps IPv4 as well unless
/// it is IPV6_V6ONLY; an IPv4-mapped address is its IPv4 address. Measured, see `inet_rcv_saddr_equal` in the kernel's
/// `net/ipv4/inet_connection_sock.c`.
enum AddressOverlap {
    private enum Claim {
        case ipv4(UInt32)
        /// An IPv6 address proper, without its interface.
        case ipv6(high: UInt64, low: UInt64)
        case everyIPv6

        init?(_ address: SocketAddress) {
            switch address.unmapped {
            case .ipv4(let address, _): self = .ipv4(address.bits)
            case .ipv6(let address, _):
                self = address.isWildcard ? .everyIPv6 : .ipv6(high: address.high, low: address.low)
            case .unix, .abstract, .unnamed: return nil
            }
        }
    }

    /// Whether `attempt` and `holder` overlap; `nil` when that depends on IPV6_V6ONLY of the holder and the kernel
    /// does not tell it.
    static func between(_ attempt: BindAttempt, _ holder: SocketRecord) -> Bool? {
        guard attempt.address.port == holder.local.port, let wanted = Claim(attempt.address),
            let held = Claim(holder.local), interfacesMeet(attempt.address, holder)
        else { return false }
        switch (wanted, held) {
        case (.ipv4(let wanted), .ipv4(let held)): return wanted == held || wanted == 0 || held == 0
        case (.ipv4, .everyIPv6): return holder.isIPv6Only.map { !$0 }
        case (.ipv4(let wanted), .ipv6):
            // The quirk: a connection with a real IPv6 address of a socket that is not IPV6_V6ONLY also stands in the
            // way of the IPv4 wildcard (not of its mapped form), though not of any one IPv4 address. A socket that is
            // bound to such an address becomes IPV6_V6ONLY by that.
            guard wanted == 0, case .ipv4 = attempt.address else { return false }
            return holder.isIPv6Only.map { !$0 }
        case (.everyIPv6, .ipv4): return !attempt.isIPv6Only
        case (.everyIPv6, .ipv6), (.everyIPv6, .everyIPv6), (.ipv6, .everyIPv6): return true
        case (.ipv6, .ipv4): return false
        case (.ipv6(let high, let low), .ipv6(let heldHigh, let heldLow)): return high == heldHigh && low == heldLow
        }
    }

    /// Sockets that are bound to different interfaces never meet; a link-local address binds to its interface.
    private static func interfacesMeet(_ address: SocketAddress, _ holder: SocketRecord) -> Bool {
        guard case .ipv6(let address, _) = address, address.isLinkLocal, address.scope != 0 else { return true }
        return holder.interface == 0 || holder.interface == address.scope
    }
}
