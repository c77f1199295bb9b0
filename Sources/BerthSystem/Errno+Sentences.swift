internal import Glibc

extension Errno {
    /// The C name, for example `EADDRINUSE`; `errno 4711` for a number that has none here.
    public var name: String { Self.catalogue[rawValue]?.name ?? "errno \(rawValue)" }

    /// What it says, as part of a sentence: lower case, no full stop. The words are those of someone who explains a
    /// TCP service, where the C library's own are terse or wrong in that context.
    public var sentence: String {
        if let known = Self.catalogue[rawValue] { return known.sentence }
        var buffer = [CChar](repeating: 0, count: 128)
        guard unsafe strerror_r(rawValue, &buffer, buffer.count) == 0 else { return "unknown error" }
        let text = String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        return text.prefix(1).lowercased() + text.dropFirst()
    }

    private static let catalogue: [Int32: (name: String, sentence: String)] = [
        EPERM: ("EPERM", "the operation is not permitted"),
        ENOENT: ("ENOENT", "there is no such file or directory"),
        ESRCH: ("ESRCH", "there is no such process"),
        EINTR: ("EINTR", "a signal interrupted the call"),
        EIO: ("EIO", "the device reported an input or output error"),
        EBADF: ("EBADF", "the descriptor is closed or not of the needed kind"),
        ECHILD: ("ECHILD", "there is no such child process"),
        EAGAIN: ("EAGAIN", "the call would have to wait"),
        ENOMEM: ("ENOMEM", "the kernel is out of memory"),
        EACCES: ("EACCES", "permission is denied"),
        EFAULT: ("EFAULT", "a pointer is bad"),
        EEXIST: ("EEXIST", "the file exists already"),
        EXDEV: ("EXDEV", "the two names are on different file systems"),
        ENODEV: ("ENODEV", "there is no such device"),
        ENOTDIR: ("ENOTDIR", "a part of the path is not a directory"),
        EISDIR: ("EISDIR", "it is a directory"),
        EINVAL: ("EINVAL", "an argument is invalid"),
        ENFILE: ("ENFILE", "the whole system is out of descriptors"),
        EMFILE: ("EMFILE", "this process is out of descriptors"),
        EFBIG: ("EFBIG", "the file would be too large"),
        ENOSPC: ("ENOSPC", "no space is left on the device"),
        ESPIPE: ("ESPIPE", "the descriptor cannot seek"),
        EROFS: ("EROFS", "the file system is read-only"),
        EPIPE: ("EPIPE", "the peer closed the connection, or sending was shut down"),
        ENAMETOOLONG: ("ENAMETOOLONG", "the name is too long"),
        ENOTEMPTY: ("ENOTEMPTY", "the directory is not empty"),
        ELOOP: ("ELOOP", "there are too many symbolic links"),
        ENOSYS: ("ENOSYS", "the kernel has no such call"),
        EBUSY: ("EBUSY", "it is in use"),
        ETIME: ("ETIME", "the time has passed"),
        EPROTO: ("EPROTO", "the protocol was violated"),
        ENOTSOCK: ("ENOTSOCK", "the descriptor is not a socket"),
        EDESTADDRREQ: ("EDESTADDRREQ", "a destination address is needed"),
        EMSGSIZE: ("EMSGSIZE", "the message is too long"),
        EPROTOTYPE: ("EPROTOTYPE", "the protocol does not fit the socket"),
        ENOPROTOOPT: ("ENOPROTOOPT", "the kernel does not know this socket option"),
        EPROTONOSUPPORT: ("EPROTONOSUPPORT", "the kernel does not support this protocol"),
        EOPNOTSUPP: ("EOPNOTSUPP", "the operation is not supported on this socket"),
        EAFNOSUPPORT: ("EAFNOSUPPORT", "the kernel does not support this address family"),
        EADDRINUSE: ("EADDRINUSE", "the address is already in use"),
        EADDRNOTAVAIL: ("EADDRNOTAVAIL", "the address is not one of this machine's, or no local port is left"),
        ENETDOWN: ("ENETDOWN", "the network is down"),
        ENETUNREACH: ("ENETUNREACH", "the network is unreachable"),
        ENETRESET: ("ENETRESET", "the network dropped the connection"),
        ECONNABORTED: ("ECONNABORTED", "the connection was aborted before it was accepted"),
        ECONNRESET: ("ECONNRESET", "the peer reset the connection"),
        ENOBUFS: ("ENOBUFS", "the kernel has no buffer space"),
        EISCONN: ("EISCONN", "the socket is connected already"),
        ENOTCONN: ("ENOTCONN", "the socket is not connected"),
        ETIMEDOUT: ("ETIMEDOUT", "it timed out"),
        ECONNREFUSED: ("ECONNREFUSED", "nobody listens there"),
        EHOSTDOWN: ("EHOSTDOWN", "the host is down"),
        EHOSTUNREACH: ("EHOSTUNREACH", "the host is unreachable"),
        EALREADY: ("EALREADY", "the connection is being made already"),
        EINPROGRESS: ("EINPROGRESS", "the connection is being made"),
        ECANCELED: ("ECANCELED", "the operation was cancelled"),
    ]
}
