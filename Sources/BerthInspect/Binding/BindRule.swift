internal import BerthSockets

/// The one rule by which Linux allows or refuses a bind (checked at bind(2) and again at listen(2)).
///
/// A holds, B binds. Where their addresses overlap, B is refused unless
/// - both have SO_REUSEADDR and A does not listen (no matter whose they are), or
/// - both have SO_REUSEPORT and belong to the same user, or A is only a remnant in TIME_WAIT.
///
/// UDP has no listener, and so SO_REUSEADDR of both always lets both have the address, whoever they belong to.
///
/// Measured on Linux 6.18 against every combination; `inet_bind_conflict` in the kernel's
/// `net/ipv4/inet_connection_sock.c`, `udp_lib_lport_inuse` in `net/ipv4/udp.c`.
public enum BindRule {
    /// What one socket means for a bind.
    public enum Verdict: Sendable, Hashable {
        /// It does not claim the address.
        case apart
        /// It claims the address, and the options let both have it.
        case shares
        /// It stands in the way.
        case refuses
        /// It stands in the way or not, depending on what is not known of it.
        case unknown
    }

    /// What `holder` means for `attempt`.
    public static func verdict(on attempt: BindAttempt, by holder: PortHolder) -> Verdict {
        if attempt.transport != holder.socket.transport { return .apart }
        // A handshake under way is no socket yet, and holds nothing.
        if holder.socket.state == .synReceived || holder.socket.state == .newSynReceived { return .apart }
        let overlap = AddressOverlap.between(attempt, holder.socket)
        if overlap == false { return .apart }
        switch shares(attempt, holder) {
        case true?: return .shares
        case false?: return overlap == nil ? .unknown : .refuses
        case nil: return .unknown
        }
    }

    /// Whether all of `holders` let `attempt` pass; `nil` when that is not known.
    public static func allows(_ attempt: BindAttempt, beside holders: [PortHolder]) -> Bool? {
        let verdicts = holders.map { verdict(on: attempt, by: $0) }
        if verdicts.contains(.refuses) { return false }
        return verdicts.contains(.unknown) ? nil : true
    }

    /// Whether the options let both have the address; `nil` when that depends on the holder's, which are not known.
    private static func shares(_ attempt: BindAttempt, _ holder: PortHolder) -> Bool? {
        let socket = holder.socket
        let mayByAddress = attempt.options.reuseAddress && (socket.transport == .udp || socket.state != .listen)
        let mayByPort = attempt.options.reusePort && (socket.isRemnant || socket.user == attempt.user)
        if !mayByAddress, !mayByPort { return false }
        guard let options = holder.options.value else { return nil }
        return (mayByAddress && options.reuseAddress) || (mayByPort && options.reusePort)
    }
}
