internal import CBerth

/// The requests. Each hands over nothing by itself, and each has at least one completion, with its token.
extension Ring {
    /// Accepts connections until it fails or is cancelled: a completion each, whose result is the descriptor, which is
    /// close-on-exec. The corresponding C function is `accept4(2)`.
    ///
    /// Ends without more to come on any error, `.tooManyOpenFiles` for example, and has to be made again.
    @inlinable @inline(__always)
    package mutating func acceptMultishot(_ listener: Int32, nonBlocking: Bool = true, token: UInt64) {
        add(
            .accept, listener, priority: RingInterface.acceptMultishot,
            operationFlags: RingInterface.closeOnExec | (nonBlocking ? RingInterface.nonBlocking : 0),
            token: token)
    }

    /// Receives what arrives until the end, an error, or there is no buffer: a completion each, with a buffer of the group
    /// (``BufferRing``). The corresponding C function is `recv(2)`.
    ///
    /// It ends, with no more to come, with 0 at the peer's FIN, with `.noBufferSpace` where the group has run out, and with
    /// `.cancelled`. It may also end with bytes, when the kernel wants to be asked again. Nothing slows it but the group's
    /// size: a receiver that has enough has to cancel it.
    ///
    /// - Parameter bundled: whether one completion may be for several buffers that lie one behind the other in the ring
    ///   (``BufferRing/follower(of:)``), of which all but the last are full. Only with ``hasBundles``.
    @inlinable @inline(__always)
    package mutating func receiveMultishot(_ fd: Int32, group: UInt16, bundled: Bool = false, token: UInt64) {
        add(
            .receive, fd, priority: RingInterface.multishot | (bundled ? RingInterface.bundle : 0),
            flags: RingInterface.selectBuffer, group: group, token: token)
    }

    /// Receives once into a buffer of the group, which is taken only when there is something to receive: waiting for bytes
    /// costs no memory.
    ///
    /// - Parameter waitsFirst: whether nothing is there most likely, so that a first attempt would be for nothing.
    @inlinable @inline(__always)
    package mutating func receive(_ fd: Int32, group: UInt16, waitsFirst: Bool = false, token: UInt64) {
        add(
            .receive, fd, priority: waitsFirst ? RingInterface.pollFirst : 0, flags: RingInterface.selectBuffer,
            group: group, token: token)
    }

    /// Receives once into `memory`, which is the kernel's until the completion is there.
    @inlinable @inline(__always)
    package mutating func receive(
        _ fd: Int32, into memory: UnsafeMutableRawBufferPointer, waitsFirst: Bool = false, token: UInt64
    ) {
        add(
            .receive, fd, address: UInt64(UInt(bitPattern: memory.baseAddress)), length: UInt32(clamping: memory.count),
            priority: waitsFirst ? RingInterface.pollFirst : 0, token: token)
    }

    /// Sends `bytes`, which are the kernel's to read until the completion is there; SIGPIPE is never raised. The
    /// corresponding C function is `send(2)`.
    ///
    /// - Parameters:
    ///   - whole: whether to go on until all is sent (MSG_WAITALL); then fewer were sent only when it failed half-way or
    ///     was cancelled. Without it the completion comes as soon as some were.
    ///   - flags: as for ``Kernel/send(_:_:flags:)``. With `.doNotWait` the request is over as soon as it was handed over:
    ///     then the completion is part of the next batch, says `.wouldBlock` where there was no room, and `bytes` are the
    ///     caller's again.
    @inlinable @inline(__always)
    package mutating func send(
        _ fd: Int32, _ bytes: UnsafeRawBufferPointer, whole: Bool = true, flags: Kernel.TransferFlags = [],
        token: UInt64
    ) {
        let all = RingInterface.noSignal | (whole ? RingInterface.waitForAll : 0)
        add(
            .send, fd, address: UInt64(UInt(bitPattern: bytes.baseAddress)), length: UInt32(clamping: bytes.count),
            operationFlags: all | UInt32(bitPattern: flags.rawValue), token: token)
    }

    /// Tells of what `poll(2)` would find, each time that it changes, until it is cancelled. The result is the
    /// ``Readiness``. It tells of changes only, as edge-triggered epoll does, and may tell of several at once.
    @inlinable @inline(__always)
    package mutating func pollMultishot(_ fd: Int32, _ wanted: Readiness, token: UInt64) {
        add(
            .pollAdd, fd, length: RingInterface.pollMultishot,
            operationFlags: berth_ring_poll_mask(UInt32(UInt16(bitPattern: wanted.rawValue))), token: token)
    }

    /// Tells once of what `poll(2)` would find.
    @inlinable @inline(__always)
    package mutating func poll(_ fd: Int32, _ wanted: Readiness, token: UInt64) {
        add(
            .pollAdd, fd, operationFlags: berth_ring_poll_mask(UInt32(UInt16(bitPattern: wanted.rawValue))),
            token: token)
    }

    /// The same, and of several that wait for the descriptor only one is told (EPOLLEXCLUSIVE).
    @inlinable @inline(__always)
    package mutating func pollExclusive(_ fd: Int32, _ wanted: Readiness, token: UInt64) {
        let mask = UInt32(UInt16(bitPattern: wanted.rawValue)) | EpollEvents.exclusive.rawValue
        add(.pollAdd, fd, operationFlags: berth_ring_poll_mask(mask), token: token)
    }

    /// Cancels the requests with the token `target`. The result says how many there were. Each of them has its own
    /// completion, `.cancelled` as a rule, which may come before or after this one.
    @inlinable @inline(__always)
    package mutating func cancel(token target: UInt64, token: UInt64) {
        add(.cancel, -1, address: target, operationFlags: RingInterface.cancelAll, token: token)
    }

    /// Cancels all requests of a descriptor. The result is as for ``cancel(token:token:)``.
    @inlinable @inline(__always)
    package mutating func cancel(descriptor fd: Int32, token: UInt64) {
        add(
            .cancel, fd, operationFlags: RingInterface.cancelAll | RingInterface.cancelByDescriptor, token: token)
    }

    /// Cancels all requests.
    package mutating func cancelAll(token: UInt64) {
        add(.cancel, -1, operationFlags: RingInterface.cancelAll | RingInterface.cancelAny, token: token)
    }

    /// Shuts a half of a connection. The corresponding C function is `shutdown(2)`.
    @inlinable @inline(__always)
    package mutating func shutdown(_ fd: Int32, _ half: Kernel.Half, token: UInt64) {
        add(.shutdown, fd, length: UInt32(half.rawValue), token: token)
    }

    /// Closes a descriptor, of which the caller gives up ownership. The corresponding C function is `close(2)`.
    ///
    /// Requests of it that are in flight go on, and keep the socket open: cancel them first.
    @inlinable @inline(__always)
    package mutating func close(_ fd: consuming Descriptor, token: UInt64) {
        add(.close, fd.release(), token: token)
    }

    /// Does nothing but complete.
    package mutating func nothing(token: UInt64) { add(.nothing, -1, token: token) }

    /// Puts a completion into another ring, which must be enabled: it wakes the thread that waits there. It carries
    /// `message` as its token and `value` as its result, and says that there is more to come, since it ends no request.
    /// Linux 6.3; ends with `.invalidArgument` before.
    @inlinable @inline(__always)
    package mutating func messageRing(_ ring: Int32, message: UInt64, value: Int32 = 0, token: UInt64) {
        add(
            .messageRing, ring, offset: message, length: UInt32(bitPattern: value),
            operationFlags: RingInterface.passFlags, fileIndex: Int32(RingInterface.hasMore), token: token)
    }
}
