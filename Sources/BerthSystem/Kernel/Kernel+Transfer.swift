internal import CBerth
internal import Glibc

extension Kernel {
    /// How a send or receive differs from the plain one.
    package struct TransferFlags: OptionSet, Sendable {
        package let rawValue: Int32
        package init(rawValue: Int32) { self.rawValue = rawValue }
        /// Do not wait, whatever the mode of the socket (MSG_DONTWAIT).
        package static let doNotWait = TransferFlags(rawValue: Int32(MSG_DONTWAIT))
        /// More will follow at once: do not send a small segment yet (MSG_MORE).
        package static let moreFollows = TransferFlags(rawValue: Int32(MSG_MORE))
        /// Leave what is received in the queue (MSG_PEEK).
        package static let peek = TransferFlags(rawValue: Int32(MSG_PEEK))
    }

    /// Sends some of `bytes` and returns how many; SIGPIPE is never raised. The corresponding C function is `send(2)`
    /// with MSG_NOSIGNAL.
    package static func send(
        _ fd: Int32, _ bytes: UnsafeRawBufferPointer, flags: TransferFlags = []
    ) throws(Errno) -> Int {
        try transferring(.send, fd, bytes.count) { count in
            unsafe Glibc.send(fd, bytes.baseAddress, count, flags.rawValue | Int32(MSG_NOSIGNAL))
        }
    }

    /// Sends some of up to three pieces, one behind the other, and returns how many bytes. The corresponding C
    /// function is `sendmsg(2)` with MSG_NOSIGNAL.
    package static func send(
        _ fd: Int32, _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer,
        _ third: UnsafeRawBufferPointer = .init(start: nil, count: 0), flags: TransferFlags = []
    ) throws(Errno) -> Int {
        try transferring(.send, fd, first.count + second.count + third.count) { count in
            let one = min(first.count, count)
            let two = min(second.count, count - one)
            let three = min(third.count, count - one - two)
            return unsafe berth_send_three(
                fd, first.baseAddress, one, second.baseAddress, two, third.baseAddress, three,
                flags.rawValue | Int32(MSG_NOSIGNAL))
        }
    }

    /// Receives some bytes into `memory`; 0 is the peer's FIN. The corresponding C function is `recv(2)`.
    ///
    /// - Parameter resumes: whether a call that a signal interrupts is made again. Under a SO_RCVTIMEO it would wait
    ///   for the whole time again, and forever where signals keep coming: `false` fails with `.interrupted` instead.
    package static func receive(
        _ fd: Int32, into memory: UnsafeMutableRawBufferPointer, flags: TransferFlags = [], resumes: Bool = true
    ) throws(Errno) -> Int {
        try transferring(.receive, fd, memory.count, resumes: resumes) { count in
            unsafe recv(fd, memory.baseAddress, count, flags.rawValue)
        }
    }

    /// Sends some bytes of a file from `offset` on without copying them to user space. The corresponding C function
    /// is `sendfile(2)`; SIGPIPE is possible and must be ignored or blocked by the caller (see ``ignoreBrokenPipes()``).
    package static func sendFile(
        _ socket: Int32, from file: Int32, offset: Int64, count: Int
    ) throws(Errno) -> Int {
        try transferring(.sendFile, socket, count) { count in
            var position = off_t(offset)
            return unsafe sendfile(socket, file, &position, count)
        }
    }

    /// Makes writes to a closed pipe or connection fail with EPIPE instead of ending the process, for calls that know
    /// no MSG_NOSIGNAL (sendfile, write). A handler that the program installed itself is left alone. The
    /// corresponding C function is `signal(2)` with SIGPIPE and SIG_IGN.
    package static func ignoreBrokenPipes() {
        berth_ignore_broken_pipes()
    }

    /// Reads some bytes; 0 is the end. The corresponding C function is `read(2)`.
    package static func read(_ fd: Int32, into memory: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
        try transferring(.read, fd, memory.count) { count in unsafe Glibc.read(fd, memory.baseAddress, count) }
    }

    /// Reads some bytes of a file from `offset` on. The corresponding C function is `pread(2)`.
    package static func read(
        _ fd: Int32, into memory: UnsafeMutableRawBufferPointer, offset: Int64
    ) throws(Errno) -> Int {
        try transferring(.read, fd, memory.count) { count in
            unsafe pread(fd, memory.baseAddress, count, off_t(offset))
        }
    }

    /// Writes some bytes. The corresponding C function is `write(2)`.
    package static func write(_ fd: Int32, _ bytes: UnsafeRawBufferPointer) throws(Errno) -> Int {
        try transferring(.write, fd, bytes.count) { count in unsafe Glibc.write(fd, bytes.baseAddress, count) }
    }

    /// Writes all bytes.
    package static func writeAll(_ fd: Int32, _ bytes: UnsafeRawBufferPointer) throws(Errno) {
        var rest = unsafe bytes
        while !rest.isEmpty {
            let count = try unsafe write(fd, rest)
            unsafe rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }
}
