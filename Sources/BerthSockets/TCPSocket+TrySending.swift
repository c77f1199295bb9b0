public import BerthSystem

// The twins of the sends that do not wait, in either mode of the socket, for whoever waits by other means.
extension TCPSocket {
    /// Sends some of `bytes` and returns how many the kernel took; `nil` when there is no room.
    public func trySend(_ bytes: RawSpan) throws(SocketError) -> Int? { try trySend(bytes, RawSpan()) }

    /// Sends some of three pieces, one behind the other, and returns how many bytes the kernel took, counted over all of
    /// them; `nil` when there is no room (`man 2 sendmsg`).
    public func trySend(
        _ first: RawSpan, _ second: RawSpan, _ third: RawSpan = RawSpan()
    ) throws(SocketError) -> Int? {
        try unlessItWouldWait { () throws(Errno) in
            try unsafe first.withUnsafeBytes { (one) throws(Errno) in
                try unsafe second.withUnsafeBytes { (two) throws(Errno) in
                    try unsafe third.withUnsafeBytes { (three) throws(Errno) in
                        if two.isEmpty && three.isEmpty {
                            return try unsafe Kernel.send(fileDescriptor, one, flags: .doNotWait)
                        }
                        return try unsafe Kernel.send(fileDescriptor, one, two, three, flags: .doNotWait)
                    }
                }
            }
        }
    }

    /// Sends some of `count` bytes of a file from `offset` on, without copying them through this process, and returns how
    /// many the kernel took; 0 at the end of the file, `nil` when there is no room.
    ///
    /// The socket has to be in non-blocking mode (``setNonBlocking(_:)``): sendfile(2) knows no MSG_DONTWAIT. SIGPIPE is
    /// treated as by ``sendFile(_:from:count:timeout:)``.
    public func trySendFile(
        _ file: borrowing Descriptor, from offset: Int64, count: Int64
    ) throws(SocketError) -> Int? {
        Self.brokenPipesAreIgnored
        let number = file.rawValue
        return try unlessItWouldWait { () throws(Errno) in
            try Kernel.sendFile(fileDescriptor, from: number, offset: offset, count: Int(clamping: min(count, 1 << 30)))
        }
    }

    private func unlessItWouldWait(_ call: () throws(Errno) -> Int) throws(SocketError) -> Int? {
        do throws(Errno) { return try call() } catch {
            if error == .wouldBlock { return nil }
            throw sendError(error, taken: 0)
        }
    }
}
