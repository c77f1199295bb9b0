/// When a listener may take an address that something else still holds.
///
/// The names of the socket options mean different things on each system; these policies mean the same on all. On
/// Linux both sides count: an option helps only when the socket that holds the address, or the listener it came from,
/// had it as well. So the first start of a server that had no such option before may fail once more.
public enum ReusePolicy: String, Sendable, Hashable, CaseIterable {
    /// Nothing else may hold the address, not even a connection of an earlier listener that is still ending: after a
    /// restart binding fails for up to a minute (TIME_WAIT). For those who must be alone.
    case exclusive
    /// Connections of an earlier listener do not matter, a live listener does. The default: restarts work at once,
    /// and a second copy of the server is told that the address is in use.
    case afterTimeWait = "after-time-wait"
    /// Several listeners of one user share the address, and the kernel spreads the connections over them by a hash.
    /// For layouts that want it. A second copy of the server is *not* told: the two split the connections between them.
    case shared
}

extension ReusePolicy {
    /// The systems whose rules differ. Berth itself runs on Linux; the table is whole so that the meaning of a policy
    /// does not hang on one system's habit.
    public enum Platform: Sendable, Hashable, CaseIterable {
        case linux
        /// FreeBSD, NetBSD, OpenBSD, macOS.
        case bsd
        case windows
    }

    /// A socket option that is set before bind.
    public enum Flag: String, Sendable, Hashable {
        case reuseAddress = "SO_REUSEADDR"
        case reusePort = "SO_REUSEPORT"
        case exclusiveAddressUse = "SO_EXCLUSIVEADDRUSE"
    }

    /// The options that give this policy on `platform`; `nil` when the platform cannot do it.
    ///
    /// - Linux (`man 7 socket`): SO_REUSEADDR passes over everything that does not listen; SO_REUSEPORT makes a group
    ///   of listeners of one user, which balances. Shared sets both, so that a restart of the whole group also passes
    ///   over remnants of a listener that had SO_REUSEADDR only.
    /// - BSD and macOS (`man 2 setsockopt`, `man 4 inet` there): the same options. SO_REUSEPORT does not balance on
    ///   all of them (FreeBSD has SO_REUSEPORT_LB for that).
    /// - Windows (Microsoft, "Using SO_REUSEADDR and SO_EXCLUSIVEADDRUSE"): SO_REUSEADDR is inverted: it lets a socket
    ///   take an address from a *live* listener, with undefined results, so no policy sets it. A socket with no option
    ///   passes over TIME_WAIT and is refused by a live listener: that is `.afterTimeWait`. SO_EXCLUSIVEADDRUSE also
    ///   keeps others from taking the address by SO_REUSEADDR, but is itself refused as long as a connection of the
    ///   earlier listener is active: that is `.exclusive`. Nothing shares a port there.
    public func flags(on platform: Platform) -> [Flag]? {
        switch (self, platform) {
        case (.exclusive, .linux), (.exclusive, .bsd), (.afterTimeWait, .windows): []
        case (.exclusive, .windows): [.exclusiveAddressUse]
        case (.afterTimeWait, .linux), (.afterTimeWait, .bsd): [.reuseAddress]
        case (.shared, .linux), (.shared, .bsd): [.reuseAddress, .reusePort]
        case (.shared, .windows): nil
        }
    }
}

extension ReusePolicy: CustomStringConvertible {
    /// As the command writes it: `exclusive`, `after-time-wait`, `shared`.
    public var description: String { rawValue }
}
