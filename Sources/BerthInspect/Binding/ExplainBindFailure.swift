public import BerthSockets
public import BerthSystem

/// Explains why a bind, or the listen after it, failed: looks at the sockets of the calling thread's network
/// namespace and at who holds them, and names what stands in the way, since when, and what to do.
///
/// Never throws and changes nothing: what could not be looked at is said in the finding. Takes a few milliseconds, and
/// longer on a machine with very many descriptors; call it after a failure, not before a bind. The socket that failed
/// may be open or closed by then.
///
/// - Parameters:
///   - address: what was to be bound.
///   - reuse: the policy that the socket had.
///   - isIPv6Only: whether a socket of IPv6 was to leave IPv4 alone; `nil` for the machine's default
///     (`net.ipv6.bindv6only`).
///   - errno: what the kernel said.
public func explainBindFailure(
    of address: SocketAddress, reuse: ReusePolicy, isIPv6Only: Bool? = nil, errno: Errno
) -> Finding {
    var attempt = BindAttempt(address, options: ReuseOptions(reuse), user: Kernel.effectiveUser)
    if let isIPv6Only {
        attempt.isIPv6Only = isIPv6Only
    } else if case .ipv6 = address {
        attempt.isIPv6Only = HostSettings.read().isIPv6OnlyByDefault.value ?? false
    }
    let evidence = BindEvidence.read(for: attempt)
    if !address.isIP, errno == .addressInUse {
        let words = BindExplanation(attempt: attempt, reuse: reuse, evidence: evidence)
        return UnixBindExplanation(
            address: address, holders: UnixBindExplanation.read(for: address), words: words
        ).finding()
    }
    return BindExplanation.finding(for: attempt, reuse: reuse, errno: errno, evidence: evidence)
}

/// Whether an address is taken by listeners that no process has any more, though every process can be seen.
///
/// So it is for some milliseconds after the death of a process with an io_uring: the kernel ends the ring, and the sockets
/// that it polls, in its own time.
package func isListenedOnByNobody(_ address: SocketAddress, reuse: ReusePolicy) -> Bool {
    guard address.isIP else { return false }
    let attempt = BindAttempt(address, options: ReuseOptions(reuse), user: Kernel.effectiveUser)
    guard let holders = BindEvidence.read(for: attempt).holders.value, !holders.isEmpty else { return false }
    return holders.allSatisfy { holder in
        if holder.socket.state == .listen, case .unknown(.notVisible) = holder.owners { true } else { false }
    }
}
