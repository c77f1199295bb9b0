internal import BerthFraming
internal import BerthSockets
internal import BerthSystem

// How bytes go from a channel to the kernel.
extension LoopCore {
    /// Sends what the handler has written; what the kernel has no room for is kept and sent when it has. False when
    /// something is unsent.
    @discardableResult
    func flush(_ channel: UnsafeMutablePointer<Channel>) -> Bool {
        guard unsafe channel.pointee.unsent.isEmpty, unsafe channel.pointee.sendFailure == nil,
            unsafe channel.pointee.sending.count == 0
        else {
            return unsafe send(channel, RawSpan(), ByteQueue())
        }
        let count = unsafe channel.pointee.core.output.queue.count
        let fd = unsafe channel.pointee.descriptor
        let sent = unsafe channel.pointee.core.output.queue.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress else { return 0 }
            return unsafe Kernel.sendNow(fd, start, count)
        }
        if sent == count {
            unsafe channel.pointee.core.output.queue.removeAll()
            return true
        }
        if sent >= 0 { return unsafe keep(channel, RawSpan(), ByteQueue(), from: sent) }
        let errno = Errno(rawValue: Int32(-sent))
        if errno == .wouldBlock { return unsafe keep(channel, RawSpan(), ByteQueue(), from: 0) }
        unsafe failSending(channel, errno)
        return true
    }

    /// Sends what the handler has written, then `body`, which is not copied as far as the kernel has room, then `end`.
    @discardableResult
    func send(_ channel: UnsafeMutablePointer<Channel>, _ body: RawSpan, _ end: borrowing ByteQueue) -> Bool {
        let fd = unsafe channel.pointee.descriptor
        guard fd >= 0, unsafe channel.pointee.sendFailure == nil else {
            unsafe channel.pointee.core.output.queue.removeAll()
            return true
        }
        var sent = 0
        if unsafe channel.pointee.unsent.isEmpty, unsafe channel.pointee.sending.count == 0 {
            do throws(Errno) {
                sent = try unsafe channel.pointee.core.output.queue.withUnsafeBytes { (first) throws(Errno) in
                    try unsafe body.withUnsafeBytes { (second) throws(Errno) in
                        if second.isEmpty { return try unsafe Kernel.send(fd, first, flags: .doNotWait) }
                        return try unsafe end.withUnsafeBytes { (third) throws(Errno) in
                            try unsafe Kernel.send(fd, first, second, third, flags: .doNotWait)
                        }
                    }
                }
            } catch {
                guard error == .wouldBlock else {
                    unsafe failSending(channel, error)
                    return true
                }
            }
        }
        return unsafe keep(channel, body, end, from: sent)
    }

    /// Keeps what was not sent; true when that is nothing.
    private func keep(
        _ channel: UnsafeMutablePointer<Channel>, _ body: RawSpan, _ end: borrowing ByteQueue, from sent: Int
    ) -> Bool {
        let gathered = unsafe channel.pointee.core.output.queue.count
        let total = gathered + body.byteCount + end.count
        if sent == total {
            unsafe channel.pointee.core.output.queue.removeAll()
            return true
        }
        if unsafe isTooMuch(total - sent, behind: channel) { return true }
        unsafe channel.pointee.unsent.reserve(total - sent)
        var skip = sent
        unsafe Self.append(channel.pointee.core.output.queue.bytes, to: &channel.pointee.unsent, skipping: &skip)
        unsafe Self.append(body, to: &channel.pointee.unsent, skipping: &skip)
        unsafe Self.append(end.bytes, to: &channel.pointee.unsent, skipping: &skip)
        unsafe channel.pointee.core.output.queue.removeAll()
        unsafe channel.pointee.core.output.isOpen = false
        // Behind a reply that the ring sends it is its turn when that is over.
        if unsafe channel.pointee.sending.count == 0 { unsafe watchForRoom(channel) }
        return false
    }

    /// Whether too much waits already for more to be kept: of a handler that goes on writing though its peer does not read.
    /// Then nothing may be sent any more.
    private func isTooMuch(_ count: Int, behind channel: UnsafeMutablePointer<Channel>) -> Bool {
        let waiting = unsafe channel.pointee.unsent.count
        let limit = unsafe channel.pointee.outputLimit
        guard waiting > 0, limit != .max, waiting + count > limit else { return false }
        unsafe channel.pointee.core.output.queue.removeAll()
        let error = SocketError.outputLimit(
            address: unsafe address(channel), unsent: waiting + count, limit: ByteCount(limit))
        unsafe failSending(channel, error)
        return true
    }

    private static func append(_ bytes: RawSpan, to queue: inout ByteQueue, skipping skip: inout Int) {
        let skipped = min(skip, bytes.byteCount)
        skip -= skipped
        queue.append(bytes.extracting(skipped..<bytes.byteCount))
    }

    /// Sends what was written off the loop and is too much for the shared buffer, which would stay as large.
    func sendOwn(_ own: inout ByteQueue, _ channel: UnsafeMutablePointer<Channel>) {
        if unsafe channel.pointee.sendFailure != nil { return }
        if unsafe channel.pointee.unsent.isEmpty, unsafe channel.pointee.sending.count == 0 {
            unsafe swap(&own, &channel.pointee.unsent)
            unsafe sendUnsent(channel)
        } else if unsafe !isTooMuch(own.count, behind: channel) {
            unsafe channel.pointee.unsent.append(own.bytes)
        }
        if unsafe !channel.pointee.unsent.isEmpty, unsafe channel.pointee.sending.count == 0 {
            unsafe watchForRoom(channel)
        }
    }

    /// Has epoll tell when there is room: from the first time that there was none.
    func watchForRoom(_ channel: UnsafeMutablePointer<Channel>) {
        let watchesAlready = unsafe channel.pointee.watchesRoom
        unsafe channel.pointee.watchesRoom = true
        if unsafe channel.pointee.ringPart != .nothing {
            if !watchesAlready { unsafe leaveRing(channel) }
            return
        }
        if unsafe !channel.pointee.isWatched {
            // The ring has received its FIN.
            do throws(Errno) { try unsafe watch(channel) } catch { return unsafe failSending(channel, error) }
        }
        // Changing what is watched, or only saying it again, tells of what is the case already: so no room is missed, also
        // where the kernel took less than it had room for.
        let token = unsafe channel.pointee.token
        do throws(Errno) {
            try unsafe state.pointee.epoll.modify(
                channel.pointee.descriptor, [.readable, .writable, .peerFinished, .edgeTriggered], token: token)
        } catch { unsafe failSending(channel, error) }
    }

    /// There is room: sends more of what was kept.
    func sendUnsent(_ channel: UnsafeMutablePointer<Channel>) {
        let fd = unsafe channel.pointee.descriptor
        while unsafe !channel.pointee.unsent.isEmpty {
            do throws(Errno) {
                let count = try unsafe channel.pointee.unsent.withUnsafeBytes { (bytes) throws(Errno) in
                    try unsafe Kernel.send(fd, bytes, flags: .doNotWait)
                }
                unsafe channel.pointee.unsent.consume(count)
                unsafe channel.pointee.hasSentMore = true
            } catch {
                if error != .wouldBlock { unsafe failSending(channel, error) }
                return
            }
        }
        unsafe channel.pointee.unsent.releaseIfEmpty()
    }

    func failSending(_ channel: UnsafeMutablePointer<Channel>, _ errno: Errno) {
        unsafe failSending(channel, SocketError(.send, address: address(channel), errno: errno, bytesTaken: 0))
    }

    func failSending(_ channel: UnsafeMutablePointer<Channel>, _ error: SocketError) {
        unsafe channel.pointee.sendFailure = error
        unsafe channel.pointee.unsent = ByteQueue()
        // Otherwise the handler is told when it comes to write: until then its side is not the loop's to touch.
        if unsafe state.pointee.attached == channel { unsafe channel.pointee.core.output.fail(error) }
    }
}
