public import BerthSystem

/// What the time limit of a send bounds.
public enum SendTimeout: Sendable, Hashable {
    /// No limit: wait until the peer reads, or the connection ends.
    case none
    /// Each wait for the peer to make room. A peer that reads slowly but steadily never exceeds it.
    case perCall(Duration)
    /// The whole message, from the first byte to the last.
    case whole(Duration)
}

extension TCPSocket {
    /// Sends some of `bytes` and returns how many the kernel took: at least one, perhaps fewer than all.
    ///
    /// Waits while there is no room at all. SIGPIPE is never raised: a peer that is gone is an error.
    /// The corresponding C function is `send(2)` with MSG_NOSIGNAL.
    public func send(_ bytes: RawSpan) throws(SocketError) -> Int {
        let pacer = SendPacer(.none)
        while true {
            do throws(Errno) {
                return try unsafe bytes.withUnsafeBytes { (raw) throws(Errno) in
                    try unsafe Kernel.send(fileDescriptor, raw)
                }
            } catch {
                // A socket in non-blocking mode.
                try pacer.check(error, on: self, taken: 0)
            }
        }
    }

    /// Sends all of `bytes`.
    ///
    /// - Parameter timeout: the limit, named for what it bounds. Default: none. One send is tried in any case.
    /// - Throws: ``SocketError`` with ``SocketError/bytesTaken``. After an error the state of the stream is unknown: the
    ///   peer may have part of the message, so the connection can only be closed.
    public func sendAll(_ bytes: RawSpan, timeout: SendTimeout = .none) throws(SocketError) {
        try unsafe bytes.withUnsafeBytes { (raw) throws(SocketError) in
            try unsafe sendAll(raw, .init(start: nil, count: 0), .init(start: nil, count: 0), timeout: timeout)
        }
    }

    /// Sends all of `bytes`; see ``sendAll(_:timeout:)-(RawSpan,_)``.
    public func sendAll(_ bytes: [UInt8], timeout: SendTimeout = .none) throws(SocketError) {
        try sendAll(bytes.span.bytes, timeout: timeout)
    }

    /// Sends the UTF-8 bytes of `text`; see ``sendAll(_:timeout:)-(RawSpan,_)``.
    public func sendAll(_ text: String, timeout: SendTimeout = .none) throws(SocketError) {
        try sendAll(text.utf8Span.span.bytes, timeout: timeout)
    }

    /// Sends three pieces one behind the other, without copying them together first (`man 2 sendmsg`): a prefix, a
    /// body, an end mark.
    public func sendAll(
        _ first: RawSpan, _ second: RawSpan, _ third: RawSpan = RawSpan(), timeout: SendTimeout = .none
    ) throws(SocketError) {
        try unsafe first.withUnsafeBytes { (one) throws(SocketError) in
            try unsafe second.withUnsafeBytes { (two) throws(SocketError) in
                try unsafe third.withUnsafeBytes { (three) throws(SocketError) in
                    try unsafe sendAll(one, two, three, timeout: timeout)
                }
            }
        }
    }

    /// Sends `count` bytes of a file from `offset` on, without copying them through this process.
    ///
    /// - Parameters:
    ///   - file: the descriptor of a regular file.
    ///   - timeout: the limit. While one is set, the socket, and with it all its descriptors, is in non-blocking mode:
    ///     sendfile(2) has no other way not to wait.
    /// - Throws: ``SocketError`` with ``SocketError/bytesTaken``, also when the file ends early: the peer was promised
    ///   more than it got, so the connection can only be closed.
    ///
    /// SIGPIPE, which sendfile(2) would raise, is set to be ignored unless the program handles it itself.
    /// The corresponding C function is `sendfile(2)`.
    public func sendFile(
        _ file: borrowing Descriptor, from offset: Int64, count: Int64, timeout: SendTimeout = .none
    ) throws(SocketError) {
        Self.brokenPipesAreIgnored
        if timeout == .none { return try sendFile(file.rawValue, offset, count, SendPacer(timeout)) }
        let wasNonBlocking: Bool
        do { wasNonBlocking = try Kernel.setNonBlocking(fileDescriptor, true) } catch {
            throw SocketError(.option("O_NONBLOCK"), address: peer.description, errno: error)
        }
        defer { if !wasNonBlocking { _ = try? Kernel.setNonBlocking(fileDescriptor, false) } }
        try sendFile(file.rawValue, offset, count, SendPacer(timeout))
    }

    private func sendFile(
        _ file: Int32, _ offset: Int64, _ count: Int64, _ pacing: SendPacer
    ) throws(SocketError) {
        var pacer = pacing
        var taken: Int64 = 0
        while taken < count {
            let rest = Int(clamping: min(count - taken, 1 << 30))
            let sent: Int
            do throws(Errno) {
                sent = try Kernel.sendFile(fileDescriptor, from: file, offset: offset + taken, count: rest)
            } catch {
                try pacer.check(error, on: self, taken: Int(taken))
                continue
            }
            if sent == 0 {
                throw SocketError(
                    .send, address: peer.description,
                    detail: "the file ended at byte \(offset + taken), \(count - taken) bytes too early",
                    bytesTaken: Int(taken))
            }
            taken += Int64(sent)
            if taken < count { try pacer.progressed(on: self, taken: Int(taken)) }
        }
    }

    /// Evaluated once, before the first call that could raise SIGPIPE.
    static let brokenPipesAreIgnored: Void = Kernel.ignoreBrokenPipes()
}

extension TCPSocket {
    /// The loop of all sends. The socket may be in either mode, and may have a SO_SNDTIMEO.
    package func sendAll(
        _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer, _ third: UnsafeRawBufferPointer,
        timeout: SendTimeout
    ) throws(SocketError) {
        var (one, two, three) = unsafe (first, second, third)
        var taken = 0
        var pacer = SendPacer(timeout)
        while !one.isEmpty || !two.isEmpty || !three.isEmpty {
            do throws(Errno) {
                let flags: Kernel.TransferFlags = pacer.mayWaitInKernel ? [] : .doNotWait
                var sent =
                    unsafe two.isEmpty && three.isEmpty
                    ? try unsafe Kernel.send(fileDescriptor, one, flags: flags)
                    : try unsafe Kernel.send(fileDescriptor, one, two, three, flags: flags)
                taken += sent
                unsafe one.drop(&sent)
                unsafe two.drop(&sent)
                unsafe three.drop(&sent)
            } catch {
                try pacer.check(error, on: self, taken: taken)
                continue
            }
            if !one.isEmpty || !two.isEmpty || !three.isEmpty { try pacer.progressed(on: self, taken: taken) }
        }
    }

    func sendError(_ errno: Errno, taken: Int) -> SocketError {
        SocketError(.send, address: peer.description, errno: errno, bytesTaken: taken)
    }
}

extension UnsafeRawBufferPointer {
    /// Drops up to `count` bytes from the front, and takes as many off `count`.
    fileprivate mutating func drop(_ count: inout Int) {
        let dropped = Swift.min(self.count, count)
        unsafe self = UnsafeRawBufferPointer(rebasing: self[dropped...])
        count -= dropped
    }
}
