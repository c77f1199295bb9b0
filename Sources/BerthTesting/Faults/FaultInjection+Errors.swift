public import BerthSystem
internal import Glibc

extension FaultInjection.Call {
    /// The errors that the call may have on a descriptor that is used as it should be, by its manual page: what random
    /// faults are drawn from. Of `accept` they are all that ``AcceptErrorPolicy`` knows, those of a listener that is broken
    /// left out.
    public var errors: [Errno] { numbers.map(Errno.init(rawValue:)) }

    private var numbers: [Int32] {
        switch self {
        case .accept:
            [
                EAGAIN, EINTR, ECONNABORTED, EPROTO, ECONNRESET, ETIMEDOUT, ENETDOWN, ENOPROTOOPT, EHOSTDOWN, ENONET,
                EHOSTUNREACH, ENETUNREACH, EMFILE, ENFILE, ENOBUFS, ENOMEM, ENOSR, EPERM, EACCES, EOPNOTSUPP,
                ESOCKTNOSUPPORT, EPROTONOSUPPORT,
            ]
        case .receive: [EINTR, ECONNRESET, ETIMEDOUT, ENOMEM, EHOSTUNREACH]
        case .send: [EINTR, EPIPE, ECONNRESET, ETIMEDOUT, ENOBUFS, ENOMEM, EHOSTUNREACH]
        case .connect: [ECONNREFUSED, ETIMEDOUT, ENETUNREACH, EHOSTUNREACH, EADDRNOTAVAIL, EACCES]
        case .socket: [EMFILE, ENFILE, ENOBUFS, ENOMEM]
        case .shutdown: [ENOTCONN]
        case .close: [EINTR, EIO]
        case .duplicate: [EMFILE]
        case .open: [EINTR, EMFILE, ENFILE, ENOMEM]
        case .setOption: [ENOMEM, ENOBUFS]
        case .getOption: [ENOMEM, ENOBUFS]
        case .localAddress: [ENOBUFS]
        case .peerAddress: [ENOTCONN, ENOBUFS]
        case .epoll: [ENOMEM, ENOSPC]
        case .epollWait: [EINTR]
        case .poll: [EINTR, ENOMEM]
        case .eventDescriptor: [EMFILE, ENFILE, ENOMEM]
        case .ringEnter: [EINTR, EAGAIN, EBUSY]
        case .thread: [EAGAIN]
        }
    }
}
