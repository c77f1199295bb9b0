import Testing

@testable import BerthSystem

@Suite("Error numbers")
struct ErrnoTests {
    @Test(
        "an error number has its C name and a sentence",
        arguments: [
            (Errno.notPermitted, "the operation is not permitted (EPERM)"),
            (.noSuchFile, "there is no such file or directory (ENOENT)"),
            (.noSuchProcess, "there is no such process (ESRCH)"),
            (.interrupted, "a signal interrupted the call (EINTR)"),
            (.ioError, "the device reported an input or output error (EIO)"),
            (.badDescriptor, "the descriptor is closed or not of the needed kind (EBADF)"),
            (.noChildProcess, "there is no such child process (ECHILD)"),
            (.wouldBlock, "the call would have to wait (EAGAIN)"),
            (.outOfMemory, "the kernel is out of memory (ENOMEM)"),
            (.permissionDenied, "permission is denied (EACCES)"),
            (.fileExists, "the file exists already (EEXIST)"),
            (.notADirectory, "a part of the path is not a directory (ENOTDIR)"),
            (.isADirectory, "it is a directory (EISDIR)"),
            (.invalidArgument, "an argument is invalid (EINVAL)"),
            (.tooManyOpenFilesInSystem, "the whole system is out of descriptors (ENFILE)"),
            (.tooManyOpenFiles, "this process is out of descriptors (EMFILE)"),
            (.noSpaceOnDevice, "no space is left on the device (ENOSPC)"),
            (.brokenPipe, "the peer closed the connection, or sending was shut down (EPIPE)"),
            (.notASocket, "the descriptor is not a socket (ENOTSOCK)"),
            (.nameTooLong, "the name is too long (ENAMETOOLONG)"),
            (.protocolError, "the protocol was violated (EPROTO)"),
            (.noSuchOption, "the kernel does not know this socket option (ENOPROTOOPT)"),
            (.notSupported, "the operation is not supported on this socket (EOPNOTSUPP)"),
            (.addressFamilyNotSupported, "the kernel does not support this address family (EAFNOSUPPORT)"),
            (.addressInUse, "the address is already in use (EADDRINUSE)"),
            (
                .addressNotAvailable,
                "the address is not one of this machine's, or no local port is left (EADDRNOTAVAIL)"
            ),
            (.networkDown, "the network is down (ENETDOWN)"),
            (.networkUnreachable, "the network is unreachable (ENETUNREACH)"),
            (.connectionAborted, "the connection was aborted before it was accepted (ECONNABORTED)"),
            (.connectionReset, "the peer reset the connection (ECONNRESET)"),
            (.noBufferSpace, "the kernel has no buffer space (ENOBUFS)"),
            (.notConnected, "the socket is not connected (ENOTCONN)"),
            (.timedOut, "it timed out (ETIMEDOUT)"),
            (.connectionRefused, "nobody listens there (ECONNREFUSED)"),
            (.hostUnreachable, "the host is unreachable (EHOSTUNREACH)"),
            (.alreadyConnecting, "the connection is being made already (EALREADY)"),
            (.connecting, "the connection is being made (EINPROGRESS)"),
            (.cancelled, "the operation was cancelled (ECANCELED)"),
        ])
    func catalogue(_ errno: Errno, _ text: String) {
        #expect(errno.description == text)
        #expect("\(errno.sentence) (\(errno.name))" == text)
    }

    @Test("a number outside of the catalogue is named by its value and the C library's words")
    func unknown() {
        #expect(Errno(rawValue: 122).description == "disk quota exceeded (errno 122)")
        #expect(Errno(rawValue: 4711).description == "unknown error (errno 4711)")
        #expect(Errno(rawValue: -1).name == "errno -1")
    }
}
