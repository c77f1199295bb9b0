internal import Glibc

/// The error number of a failed system call: its code, its C name and a sentence.
///
/// Source: `man 3 errno`.
public struct Errno: Error, RawRepresentable, Sendable, Hashable {
    /// The number, as in `errno`.
    public let rawValue: Int32

    public init(rawValue: Int32) { self.rawValue = rawValue }

    /// The calling thread's `errno`.
    package static var current: Errno { Errno(rawValue: errno) }

    public static let notPermitted = Errno(rawValue: EPERM)
    public static let noSuchFile = Errno(rawValue: ENOENT)
    public static let noSuchProcess = Errno(rawValue: ESRCH)
    public static let interrupted = Errno(rawValue: EINTR)
    public static let ioError = Errno(rawValue: EIO)
    public static let badDescriptor = Errno(rawValue: EBADF)
    public static let noChildProcess = Errno(rawValue: ECHILD)
    public static let wouldBlock = Errno(rawValue: EAGAIN)
    public static let outOfMemory = Errno(rawValue: ENOMEM)
    public static let permissionDenied = Errno(rawValue: EACCES)
    public static let fileExists = Errno(rawValue: EEXIST)
    public static let notADirectory = Errno(rawValue: ENOTDIR)
    public static let isADirectory = Errno(rawValue: EISDIR)
    public static let invalidArgument = Errno(rawValue: EINVAL)
    public static let tooManyOpenFilesInSystem = Errno(rawValue: ENFILE)
    public static let tooManyOpenFiles = Errno(rawValue: EMFILE)
    public static let noSpaceOnDevice = Errno(rawValue: ENOSPC)
    public static let brokenPipe = Errno(rawValue: EPIPE)
    public static let notASocket = Errno(rawValue: ENOTSOCK)
    public static let nameTooLong = Errno(rawValue: ENAMETOOLONG)
    public static let protocolError = Errno(rawValue: EPROTO)
    package static let notImplemented = Errno(rawValue: ENOSYS)
    package static let timerExpired = Errno(rawValue: ETIME)
    package static let busy = Errno(rawValue: EBUSY)
    public static let noSuchOption = Errno(rawValue: ENOPROTOOPT)
    public static let notSupported = Errno(rawValue: EOPNOTSUPP)
    public static let addressFamilyNotSupported = Errno(rawValue: EAFNOSUPPORT)
    public static let addressInUse = Errno(rawValue: EADDRINUSE)
    public static let addressNotAvailable = Errno(rawValue: EADDRNOTAVAIL)
    public static let networkDown = Errno(rawValue: ENETDOWN)
    public static let networkUnreachable = Errno(rawValue: ENETUNREACH)
    public static let connectionAborted = Errno(rawValue: ECONNABORTED)
    public static let connectionReset = Errno(rawValue: ECONNRESET)
    public static let noBufferSpace = Errno(rawValue: ENOBUFS)
    public static let notConnected = Errno(rawValue: ENOTCONN)
    public static let timedOut = Errno(rawValue: ETIMEDOUT)
    public static let connectionRefused = Errno(rawValue: ECONNREFUSED)
    public static let hostUnreachable = Errno(rawValue: EHOSTUNREACH)
    public static let alreadyConnecting = Errno(rawValue: EALREADY)
    public static let connecting = Errno(rawValue: EINPROGRESS)
    public static let cancelled = Errno(rawValue: ECANCELED)
}

extension Errno: CustomStringConvertible {
    /// The sentence and the C name, for example `the address is already in use (EADDRINUSE)`.
    public var description: String { "\(sentence) (\(name))" }
}
