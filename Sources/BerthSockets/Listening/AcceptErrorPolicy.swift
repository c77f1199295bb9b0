public import BerthSystem
internal import Glibc

/// What a server does when accept(2) fails. No error but that of a broken listener ends it.
public enum AcceptErrorPolicy {
    public enum Action: String, Sendable, Hashable {
        /// Only this one connection is lost, or there is none: accept again (after a wait for readiness, for EAGAIN).
        case retry
        /// Accept again after a pause. The connection stays in the queue, so that trying at once would spin.
        case backOff = "back off"
        /// The descriptor is not a listening socket (any more): accepting will never work.
        case stop
    }

    /// An error of accept(2), what is done about it, and why.
    public struct Entry: Sendable, Hashable {
        /// The C name.
        public let name: String
        public let errno: Errno
        public let action: Action
        public let reason: String

        fileprivate init(_ name: String, _ number: Int32, _ action: Action, _ reason: String) {
            self.name = name
            errno = Errno(rawValue: number)
            self.action = action
            self.reason = reason
        }
    }

    /// Every error that accept(2) is known to give on Linux (`man 2 accept`, "ERRORS" and "Error handling").
    ///
    /// Linux hands errors of the network that wait on the new socket to accept: they concern that connection only. What is
    /// out (descriptors, memory) comes back only with time.
    public static let table: [Entry] = [
        Entry("EAGAIN", EAGAIN, .retry, "nothing waits: another process or thread was faster"),
        Entry("EINTR", EINTR, .retry, "a signal came"),
        Entry("ECONNABORTED", ECONNABORTED, .retry, "the peer reset the connection before it was accepted"),
        Entry("ECONNRESET", ECONNRESET, .retry, "the same, as some kernels say it"),
        Entry("EPROTO", EPROTO, .retry, "a protocol error on the new connection"),
        Entry("ETIMEDOUT", ETIMEDOUT, .retry, "the new connection has timed out"),
        Entry("ENETDOWN", ENETDOWN, .retry, "an error of the network on the new connection"),
        Entry("ENETUNREACH", ENETUNREACH, .retry, "an error of the network on the new connection"),
        Entry("EHOSTDOWN", EHOSTDOWN, .retry, "an error of the network on the new connection"),
        Entry("EHOSTUNREACH", EHOSTUNREACH, .retry, "an error of the network on the new connection"),
        Entry("ENONET", ENONET, .retry, "an error of the network on the new connection"),
        Entry("ENOPROTOOPT", ENOPROTOOPT, .retry, "an error of the network on the new connection"),
        Entry(
            "EMFILE", EMFILE, .backOff, "this process has no descriptor left; the reserve descriptor tells one client"),
        Entry("ENFILE", ENFILE, .backOff, "the system has no descriptor left; the reserve descriptor tells one client"),
        Entry("ENOBUFS", ENOBUFS, .backOff, "the kernel has no memory for a socket"),
        Entry("ENOMEM", ENOMEM, .backOff, "the kernel has no memory for a socket"),
        Entry("ENOSR", ENOSR, .backOff, "the kernel is out of streams resources"),
        Entry("EPERM", EPERM, .backOff, "a firewall says no, to this connection or to all"),
        Entry("EACCES", EACCES, .backOff, "a security module says no, to this connection or to all"),
        Entry(
            "EOPNOTSUPP", EOPNOTSUPP, .backOff, "an error of the network, or no stream socket: trying again could spin"),
        Entry("ESOCKTNOSUPPORT", ESOCKTNOSUPPORT, .backOff, "the kernel has no such socket type for now"),
        Entry("EPROTONOSUPPORT", EPROTONOSUPPORT, .backOff, "the kernel has no such protocol for now"),
        Entry("ERESTARTSYS", 512, .backOff, "what a traced process can see; the C library has no name for it"),
        Entry("EBADF", EBADF, .stop, "the descriptor is closed"),
        Entry("ENOTSOCK", ENOTSOCK, .stop, "the descriptor is no socket"),
        Entry("EINVAL", EINVAL, .stop, "the socket does not listen (any more)"),
        Entry("EFAULT", EFAULT, .stop, "a mistake of ours"),
    ]

    /// What to do after `errno`. What is not in the ``table`` is neither fatal nor tried again at once, so that a server
    /// neither dies nor spins.
    public static func action(for errno: Errno) -> Action {
        table.first { $0.errno == errno }?.action ?? .backOff
    }
}
