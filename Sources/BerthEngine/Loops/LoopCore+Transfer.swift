internal import BerthFraming
internal import BerthSockets
internal import BerthSystem

// How bytes move between a channel and the kernel. The handler that runs uses the loop's two buffers; when it stops to
// run, what is left is put aside, so that a connection that waits owns no memory unless a part of a message has arrived,
// or the peer does not read.
extension LoopCore {
    /// Lends the shared output, and the shared input where it is of use, to a channel whose handler runs.
    func attach(_ channel: UnsafeMutablePointer<Channel>) {
        if unsafe state.pointee.attached == channel { return }
        // One that is ended has no use for them, and its memory may go at any moment.
        if unsafe channel.pointee.descriptor < 0 { return }
        settle()
        unsafe state.pointee.attached = channel
        unsafe swap(&channel.pointee.core.output.queue, &state.pointee.output)
        if unsafe state.pointee.output.allocatedCount > 0 {
            // Written off the loop.
            var own = ByteQueue()
            unsafe swap(&own, &state.pointee.output)
            if own.count <= LoopState.bufferSize {
                unsafe channel.pointee.core.output.queue.append(own.bytes)
            } else {
                unsafe sendOwn(&own, channel)
            }
        }
        unsafe channel.pointee.core.output.isOpen = channel.pointee.unsent.isEmpty
        if let failure = unsafe channel.pointee.sendFailure { unsafe channel.pointee.core.output.fail(failure) }
        if unsafe channel.pointee.core.input.queue.isEmpty { unsafe lendInput(channel) }
    }

    private func lendInput(_ channel: UnsafeMutablePointer<Channel>) {
        unsafe swap(&channel.pointee.core.input.queue, &state.pointee.input)
        // What the connection had of its own was for a larger message than most.
        if unsafe state.pointee.input.allocatedCount > 0 {
            var own = ByteQueue()
            unsafe swap(&own, &state.pointee.input)
            unsafe channel.pointee.core.input.queue.append(own.bytes)
        }
        unsafe state.pointee.isInputLent = true
    }

    /// Takes the buffers back from the handler that ran: sends what it has written, puts aside what it has not read.
    func settle() {
        guard let channel = unsafe state.pointee.attached else { return }
        if unsafe !channel.pointee.core.output.queue.isEmpty { unsafe flush(channel) }
        unsafe state.pointee.attached = nil
        unsafe channel.pointee.core.output.isOpen = false
        unsafe swap(&channel.pointee.core.output.queue, &state.pointee.output)
        if unsafe state.pointee.isInputLent {
            unsafe takeInputBack(channel, room: 0)
        } else {
            unsafe channel.pointee.core.input.queue.releaseIfEmpty()
        }
    }

    /// Ends the loan of the input. What is left in it moves to a buffer of the channel's own, with `room` for more.
    private func takeInputBack(_ channel: UnsafeMutablePointer<Channel>, room: Int) {
        unsafe state.pointee.isInputLent = false
        unsafe swap(&channel.pointee.core.input.queue, &state.pointee.input)
        let count = unsafe state.pointee.input.count
        if count + room > 0 {
            unsafe channel.pointee.core.input.queue.reserve(count + room)
            unsafe channel.pointee.core.input.queue.append(state.pointee.input.bytes)
            unsafe state.pointee.input.removeAll()
        }
    }

    // MARK: Receiving

    /// Finds the next whole frame in the input, receiving what is there: `input.found` says where it lies, or that there is
    /// none because the stream has ended. Returns what has to be waited for; `.nothing` when it has been found.
    func findFrame(_ channel: UnsafeMutablePointer<Channel>) throws(StreamError) -> Channel.Wait {
        while true {
            var room = 1
            // Decoding nothing finds nothing, but for the end.
            if unsafe !channel.pointee.core.input.queue.isEmpty || channel.pointee.core.input.isOver {
                if let extent = unsafe channel.pointee.core.input.layout.frame(
                    in: channel.pointee.core.input.queue.bytes)
                {
                    unsafe channel.pointee.core.input.found = extent
                    return .nothing
                }
                switch try unsafe channel.pointee.core.input.nextFrame() {
                case .frame(let extent):
                    unsafe channel.pointee.core.input.found = extent
                    return .nothing
                case .needsMore(let count): room = unsafe count - channel.pointee.core.input.queue.count
                case .end:
                    unsafe channel.pointee.core.input.found = .none
                    return .nothing
                }
            }
            if case .mustWait(let wait) = try unsafe tryReceive(channel, room: room) { return wait }
        }
    }

    /// What came of a receive that does not wait.
    enum Receipt {
        /// This many bytes; 0 is the end.
        case received(Int)
        case mustWait(Channel.Wait)
    }

    /// Sends what has gathered, and receives what is there.
    func tryReceive(_ channel: UnsafeMutablePointer<Channel>, room: Int) throws(StreamError) -> Receipt {
        if unsafe channel.pointee.core.input.isOver { return .received(0) }
        if unsafe channel.pointee.descriptor < 0 { throw .ended }
        unsafe attach(channel)
        if unsafe !channel.pointee.core.output.queue.isEmpty { unsafe flush(channel) }
        if unsafe !channel.pointee.unsent.isEmpty { return .mustWait(.sent) }
        if let failure = unsafe channel.pointee.sendFailure { throw .socket(failure) }
        if unsafe channel.pointee.turn >= Channel.turnLimit { return .mustWait(.turn) }
        do throws(Errno) {
            guard let count = try unsafe receive(channel, room: room) else { return .mustWait(.readable) }
            if count == 0 { unsafe channel.pointee.core.input.peerFinished = true }
            return .received(count)
        } catch {
            throw .socket(SocketError(.receive, address: unsafe address(channel), errno: error))
        }
    }

    /// Receives what is there, `nil` when nothing is; 0 is the peer's FIN.
    private func receive(_ channel: UnsafeMutablePointer<Channel>, room: Int) throws(Errno) -> Int? {
        guard unsafe channel.pointee.isReadable else { return nil }
        let room = unsafe makeRoom(channel, room)
        let fd = unsafe channel.pointee.descriptor
        let asked: Int
        let count: Int
        do throws(Errno) {
            var offered = 0
            count = try unsafe channel.pointee.core.input.queue.fill(room: room) { (memory) throws(Errno) in
                offered = memory.count
                return try unsafe Kernel.receive(fd, into: memory, flags: .doNotWait)
            }
            asked = offered
        } catch {
            guard error == .wouldBlock else { throw error }
            unsafe channel.pointee.isReadable = false
            return nil
        }
        // Less than was asked for: there is no more, and epoll tells when there is. Behind the last bytes of a peer that
        // has finished there is its FIN, of which epoll has told already.
        if count < asked, unsafe !channel.pointee.isEnding { unsafe channel.pointee.isReadable = false }
        unsafe channel.pointee.turn &+= 1
        return count
    }

    /// Makes sure that the input has room for a sensible receive, and says for how much.
    private func makeRoom(_ channel: UnsafeMutablePointer<Channel>, _ wanted: Int) -> Int {
        let count = unsafe channel.pointee.core.input.queue.count
        if unsafe state.pointee.isInputLent {
            if count + wanted <= LoopState.bufferSize, count <= LoopState.bufferSize / 2 {
                return LoopState.bufferSize - count
            }
            unsafe takeInputBack(channel, room: Self.believable(wanted, have: count))
        } else if count + wanted <= LoopState.bufferSize, count <= LoopState.bufferSize / 4 {
            unsafe lendInput(channel)
            return LoopState.bufferSize - count
        }
        return Self.believable(wanted, have: count)
    }

    /// What a peer announced is believed up to 1 MiB, and beyond that as far as it has sent as much already. Memory that
    /// nothing was written to is only reserved.
    private static func believable(_ wanted: Int, have: Int) -> Int {
        max(min(wanted, max(have, 1 << 20)), 16 << 10)
    }

    // MARK: Sending

    /// Sends what the handler has written; what the kernel has no room for is kept and sent when it has. False when
    /// something is unsent.
    @discardableResult
    func flush(_ channel: UnsafeMutablePointer<Channel>) -> Bool {
        guard unsafe channel.pointee.unsent.isEmpty, unsafe channel.pointee.sendFailure == nil else {
            return unsafe send(channel, RawSpan(), ByteQueue())
        }
        let count = unsafe channel.pointee.core.output.queue.count
        let fd = unsafe channel.pointee.descriptor
        do throws(Errno) {
            let sent = try unsafe channel.pointee.core.output.queue.withUnsafeBytes { (bytes) throws(Errno) in
                try unsafe Kernel.send(fd, bytes, flags: .doNotWait)
            }
            if sent == count {
                unsafe channel.pointee.core.output.queue.consume(count)
                return true
            }
            return unsafe keep(channel, RawSpan(), ByteQueue(), from: sent)
        } catch .wouldBlock {
            return unsafe keep(channel, RawSpan(), ByteQueue(), from: 0)
        } catch {
            unsafe failSending(channel, error)
            return true
        }
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
        if unsafe channel.pointee.unsent.isEmpty {
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
        unsafe channel.pointee.unsent.reserve(total - sent)
        var skip = sent
        unsafe Self.append(channel.pointee.core.output.queue.bytes, to: &channel.pointee.unsent, skipping: &skip)
        unsafe Self.append(body, to: &channel.pointee.unsent, skipping: &skip)
        unsafe Self.append(end.bytes, to: &channel.pointee.unsent, skipping: &skip)
        unsafe channel.pointee.core.output.queue.removeAll()
        unsafe channel.pointee.core.output.isOpen = false
        unsafe watchForRoom(channel)
        return false
    }

    private static func append(_ bytes: RawSpan, to queue: inout ByteQueue, skipping skip: inout Int) {
        let skipped = min(skip, bytes.byteCount)
        skip -= skipped
        queue.append(bytes.extracting(skipped..<bytes.byteCount))
    }

    /// Sends what was written off the loop and is too much for the shared buffer, which would stay as large.
    private func sendOwn(_ own: inout ByteQueue, _ channel: UnsafeMutablePointer<Channel>) {
        if unsafe channel.pointee.sendFailure != nil { return }
        if unsafe channel.pointee.unsent.isEmpty {
            unsafe swap(&own, &channel.pointee.unsent)
            unsafe sendUnsent(channel)
        } else {
            unsafe channel.pointee.unsent.append(own.bytes)
        }
        if unsafe !channel.pointee.unsent.isEmpty { unsafe watchForRoom(channel) }
    }

    /// Has epoll tell when there is room: from the first time that there was none.
    private func watchForRoom(_ channel: UnsafeMutablePointer<Channel>) {
        if unsafe channel.pointee.watchesRoom { return }
        unsafe channel.pointee.watchesRoom = true
        // Changing what is watched tells of what is the case already, so no room is missed.
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
