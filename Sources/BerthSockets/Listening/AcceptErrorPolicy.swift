public import BerthSystem
internal import Glibc

/// What a server does when accept(2) fails. No error but that of a broken listener ends it.
public enum AcceptErrorPolicy {
    public enum Action: Sendable, Hashable {
        /// Only this one connection is lost, or there is none: accept again (after a wait for readiness, for EAGAIN).
        case retry
        /// Accept again after a pause. The connection stays in the queue, so that trying at once would spin.
        case backOff
        /// The descriptor is not a listening socket (any more): accepting will never work.
        case stop
    }

    /// What to do after `errno`.
    ///
    /// Linux hands errors of the network that wait on the new socket to accept (`man 2 accept`, "Error handling"):
    /// they concern that connection only. What is out (descriptors, memory) comes back only with time. What is not
    /// known is neither fatal nor tried again at once, so that a server neither dies nor spins.
    public static func action(for errno: Errno) -> Action {
        switch errno.rawValue {
        case EAGAIN, EINTR: .retry
        case ECONNABORTED, EPROTO, ECONNRESET, ETIMEDOUT: .retry
        case ENETDOWN, ENOPROTOOPT, EHOSTDOWN, ENONET, EHOSTUNREACH, ENETUNREACH: .retry
        case EMFILE, ENFILE, ENOBUFS, ENOMEM, ENOSR: .backOff
        // A firewall's or a security module's no: it may concern one connection or all of them.
        case EPERM, EACCES: .backOff
        // In the list of network errors, but also what a socket that is no stream socket says: retrying could spin.
        case EOPNOTSUPP, ESOCKTNOSUPPORT, EPROTONOSUPPORT: .backOff
        case EBADF, ENOTSOCK, EINVAL, EFAULT: .stop
        default: .backOff
        }
    }
}
