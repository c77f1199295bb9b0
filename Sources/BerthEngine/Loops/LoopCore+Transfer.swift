internal import BerthFraming
internal import BerthSockets
internal import BerthSystem

// How bytes move between a channel and the kernel. The handler that runs uses the loop's two buffers; when it stops to
// run, what is left is put aside, so that a connection that waits owns no memory unless a part of a message has arrived,
// or the peer does not read.
extension LoopCore {
    /// Lends the shared output, and the shared input where it is of use, to a channel whose handler runs.
    func attach(_ channel: UnsafeMutablePointer<Channel>) {
        // One that is ended has no use for them, and its memory may go at any moment.
        if unsafe state.pointee.attached == channel || channel.pointee.descriptor < 0 { return }
        unsafe attachOutput(channel)
        if unsafe channel.pointee.core.input.queue.isEmpty { unsafe lendInput(channel) }
    }

    /// Lends the shared output alone.
    @inline(__always)
    func attachOutput(_ channel: UnsafeMutablePointer<Channel>) {
        settle()
        unsafe state.pointee.attached = channel
        if unsafe channel.pointee.core.output.queue.allocatedCount == 0 {
            unsafe channel.pointee.core.output.queue.takeMemory(of: &state.pointee.output)
        } else {
            unsafe lendOutputBehindOwn(channel)
        }
        unsafe channel.pointee.core.output.isOpen = channel.pointee.unsent.isEmpty
        if let failure = unsafe channel.pointee.sendFailure { unsafe channel.pointee.core.output.fail(failure) }
    }

    /// The same for the output of a channel that was written to off the loop.
    @inline(never)
    private func lendOutputBehindOwn(_ channel: UnsafeMutablePointer<Channel>) {
        var own = ByteQueue()
        unsafe swap(&own, &channel.pointee.core.output.queue)
        unsafe channel.pointee.core.output.queue.takeMemory(of: &state.pointee.output)
        if own.count <= LoopState.bufferSize {
            unsafe channel.pointee.core.output.queue.append(own.bytes)
        } else {
            unsafe sendOwn(&own, channel)
        }
    }

    @inline(__always)
    private func lendInput(_ channel: UnsafeMutablePointer<Channel>) {
        unsafe state.pointee.isInputLent = true
        if unsafe channel.pointee.core.input.queue.allocatedCount == 0 {
            unsafe channel.pointee.core.input.queue.takeMemory(of: &state.pointee.input)
        } else {
            unsafe lendInputForOwn(channel)
        }
    }

    /// The same in place of memory of the channel's own, which was for a larger message than most.
    @inline(never)
    private func lendInputForOwn(_ channel: UnsafeMutablePointer<Channel>) {
        var own = ByteQueue()
        unsafe swap(&own, &channel.pointee.core.input.queue)
        unsafe channel.pointee.core.input.queue.takeMemory(of: &state.pointee.input)
        unsafe channel.pointee.core.input.queue.append(own.bytes)
    }

    /// Takes the buffers back from the handler that ran: sends what it has written, puts aside what it has not read.
    @inline(__always)
    func settle() {
        if let channel = unsafe state.pointee.attached { unsafe detach(channel) }
    }

    private func detach(_ channel: UnsafeMutablePointer<Channel>) {
        if unsafe !channel.pointee.core.output.queue.isEmpty, unsafe !sendLater(channel) { unsafe flush(channel) }
        unsafe state.pointee.attached = nil
        unsafe channel.pointee.core.output.isOpen = false
        unsafe state.pointee.output.takeMemory(of: &channel.pointee.core.output.queue)
        if unsafe !state.pointee.isInputLent {
            unsafe channel.pointee.core.input.queue.releaseIfEmpty()
        } else if unsafe state.pointee.lentBuffer >= 0 {
            unsafe takeRingBufferBack(channel, state.pointee.lentBuffer)
        } else if unsafe channel.pointee.core.input.queue.isEmpty {
            unsafe state.pointee.isInputLent = false
            unsafe state.pointee.input.takeMemory(of: &channel.pointee.core.input.queue)
        } else {
            unsafe takeInputBack(channel, room: 0)
        }
    }

    /// Ends the loan of the input. What is left in it moves to a buffer of the channel's own, with `room` for more.
    @inline(never)
    private func takeInputBack(_ channel: UnsafeMutablePointer<Channel>, room: Int) {
        unsafe state.pointee.isInputLent = false
        let count = unsafe channel.pointee.core.input.queue.count
        unsafe swap(&channel.pointee.core.input.queue, &state.pointee.input)
        unsafe channel.pointee.core.input.queue.reserve(count + room)
        unsafe channel.pointee.core.input.queue.append(state.pointee.input.bytes)
        unsafe state.pointee.input.removeAll()
    }

    // MARK: Receiving

    /// Finds the next whole frame in the input, receiving what is there: `input.found` says where it lies, or that there is
    /// none because the stream has ended. Returns what has to be waited for; `.nothing` when it has been found.
    func findFrame(_ channel: UnsafeMutablePointer<Channel>) throws(StreamError) -> Channel.Wait {
        unsafe channel.pointee.arrived = 0
        if let extent = unsafe channel.pointee.core.input.layout.frame(in: channel.pointee.core.input.queue.bytes) {
            unsafe channel.pointee.core.input.found = extent
            return .nothing
        }
        // At once, so that what comes of it is known before the wait. The ring tells in time.
        if unsafe !channel.pointee.core.output.queue.isEmpty, unsafe state.pointee.attached == channel,
            unsafe channel.pointee.ringPart == .nothing
        {
            unsafe flush(channel)
        }
        if unsafe waitsForMessage(channel) {
            if unsafe !channel.pointee.isReadable {
                unsafe channel.pointee.wanted = 1
                return .readable
            }
            switch unsafe receive(channel, channel.pointee.core.input.queue.spare) {
            case .some(let count) where count > 0:
                if let extent = unsafe channel.pointee.core.input.layout.frame(
                    in: channel.pointee.core.input.queue.bytes)
                {
                    unsafe channel.pointee.core.input.found = extent
                    return .nothing
                }
            case .some(let count): if case .mustWait(let wait) = try unsafe received(channel, count) { return wait }
            case nil: return .readable
            }
        }
        return try unsafe findFrameSlowly(channel)
    }

    /// Whether nothing is to be looked at before a receive: the handler is between two messages, has nothing to send, and
    /// has the shared buffers.
    @inline(__always)
    private func waitsForMessage(_ channel: UnsafeMutablePointer<Channel>) -> Bool {
        unsafe state.pointee.attached == channel && state.pointee.isInputLent
            && channel.pointee.core.input.queue.isEmpty && !channel.pointee.core.input.isOver
            && (channel.pointee.core.output.queue.isEmpty || channel.pointee.ringPart != .nothing)
            && channel.pointee.unsent.isEmpty
            && channel.pointee.sendFailure == nil && channel.pointee.turn < Channel.turnLimit
    }

    @inline(never)
    private func findFrameSlowly(_ channel: UnsafeMutablePointer<Channel>) throws(StreamError) -> Channel.Wait {
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

    /// Answers what has arrived for a channel that waits for a message and has nothing else on its mind, which is the common
    /// case, by calling `body` with each whole frame; `nil` in any other case.
    ///
    /// - Parameter arrived: what the ring has received. Otherwise it is received, into the shared input.
    /// - Returns: whether that is all that had arrived. Otherwise the rest is in the channel's own input.
    @inline(__always)
    func answerArrived(
        _ channel: UnsafeMutablePointer<Channel>, _ arrived: UnsafeRawBufferPointer?, _ body: (RawSpan) throws -> Void
    ) throws -> Bool? {
        let layout = unsafe channel.pointee.core.input.layout
        guard !layout.isNone, unsafe !channel.pointee.core.input.isOver && channel.pointee.core.output.isOpen else {
            if let arrived = unsafe arrived { unsafe channel.pointee.core.input.queue.append(arrived.bytes) }
            return nil
        }
        if let arrived = unsafe arrived {
            unsafe channel.pointee.wanted = 1
            return try unsafe answerEach(channel, layout, arrived, body)
        }
        guard unsafe channel.pointee.isReadable && channel.pointee.core.input.queue.isEmpty,
            unsafe !state.pointee.isInputLent && state.pointee.attached == channel,
            channel.pointee.receiveFailure == 0, let memory = unsafe state.pointee.input.spare.baseAddress
        else { return nil }
        let count = unsafe Kernel.receiveNow(channel.pointee.descriptor, memory, LoopState.bufferSize)
        if count <= 0 { return try unsafe received(channel, count).isNothing }
        let mayHaveMore = unsafe count == LoopState.bufferSize || channel.pointee.isEnding
        unsafe channel.pointee.isReadable = mayHaveMore
        let isAll = try unsafe answerEach(channel, layout, UnsafeRawBufferPointer(start: memory, count: count), body)
        return isAll && !mayHaveMore
    }

    /// Calls `body` with each whole frame, as long as there is room for replies; whether that was all.
    @inline(__always)
    private func answerEach(
        _ channel: UnsafeMutablePointer<Channel>, _ layout: PrefixLayout, _ arrived: UnsafeRawBufferPointer,
        _ body: (RawSpan) throws -> Void
    ) throws -> Bool {
        let count = arrived.count
        guard let start = arrived.baseAddress else { return true }
        var position = 0
        defer { if position < count { unsafe putAside(start + position, count - position, channel) } }
        while unsafe channel.pointee.core.output.isOpen {
            let rest = unsafe RawSpan(_unsafeStart: start + position, byteCount: count &- position)
            guard let extent = layout.frame(in: rest) else { break }
            position &+= extent.consumed
            try body(rest.extracting(unchecked: extent.body))
        }
        return position == count
    }

    /// Keeps what has been received and not been read in a buffer of the channel's own.
    @inline(never)
    private func putAside(_ bytes: UnsafeRawPointer, _ count: Int, _ channel: UnsafeMutablePointer<Channel>) {
        unsafe channel.pointee.core.input.queue.append(RawSpan(_unsafeStart: bytes, byteCount: count))
    }

    /// What came of a receive that does not wait.
    enum Receipt {
        /// This many bytes; 0 is the end.
        case received(Int)
        case mustWait(Channel.Wait)

        /// Whether there is nothing to go on with.
        var isNothing: Bool { if case .mustWait = self { true } else { false } }
    }

    /// Sends what has gathered, and receives what is there.
    func tryReceive(_ channel: UnsafeMutablePointer<Channel>, room: Int) throws(StreamError) -> Receipt {
        if unsafe channel.pointee.core.input.isOver { return .received(0) }
        if unsafe channel.pointee.descriptor < 0 { throw .ended }
        unsafe attach(channel)
        if unsafe !channel.pointee.core.output.queue.isEmpty, unsafe channel.pointee.ringPart == .nothing {
            unsafe flush(channel)
        }
        if unsafe !channel.pointee.unsent.isEmpty { return .mustWait(.sent) }
        if let failure = unsafe channel.pointee.sendFailure { throw .socket(failure) }
        if unsafe channel.pointee.turn >= Channel.turnLimit { return .mustWait(.turn) }
        if unsafe channel.pointee.ringPart != .nothing { return unsafe receivedByRing(channel, room) }
        if unsafe !channel.pointee.isReadable { return .mustWait(.readable) }
        if unsafe state.pointee.lentBuffer >= 0 { unsafe takeRingBufferBack(channel, state.pointee.lentBuffer) }
        unsafe channel.pointee.core.input.queue.reserve(makeRoom(channel, room))
        guard let count = unsafe receive(channel, channel.pointee.core.input.queue.spare) else {
            return .mustWait(.readable)
        }
        return try unsafe received(channel, count)
    }

    /// What the ring has received since the handler looked, or what it waits for.
    private func receivedByRing(_ channel: UnsafeMutablePointer<Channel>, _ room: Int) -> Receipt {
        let count = unsafe channel.pointee.core.input.queue.count
        let fresh = min(unsafe channel.pointee.arrived, count)
        unsafe channel.pointee.arrived = 0
        if fresh > 0 { return .received(fresh) }
        unsafe channel.pointee.wanted = count + max(room, 1)
        // One that is larger is received where it will lie.
        if unsafe channel.pointee.wanted > LoopState.bufferSize { unsafe leaveRing(channel) }
        return .mustWait(.readable)
    }

    /// What came of a receive: how many bytes, 0 for the peer's FIN, or an errno as a negative number.
    private func received(_ channel: UnsafeMutablePointer<Channel>, _ count: Int) throws(StreamError) -> Receipt {
        if count < 0 {
            let errno = Errno(rawValue: Int32(-count))
            if errno == .wouldBlock {
                unsafe channel.pointee.isReadable = false
                return .mustWait(.readable)
            }
            throw .socket(SocketError(.receive, address: unsafe address(channel), errno: errno))
        }
        if count == 0 { unsafe channel.pointee.core.input.peerFinished = true }
        return .received(count)
    }

    /// Receives what is there into memory behind the input: how many bytes, 0 for the peer's FIN, or an errno as a negative
    /// number; `nil` where there is no memory.
    @inline(__always)
    private func receive(_ channel: UnsafeMutablePointer<Channel>, _ memory: UnsafeMutableRawBufferPointer) -> Int? {
        if unsafe channel.pointee.receiveFailure != 0 { return unsafe Int(channel.pointee.receiveFailure) }
        guard let start = memory.baseAddress else { return nil }
        let count = unsafe Kernel.receiveNow(channel.pointee.descriptor, start, memory.count)
        if count > 0 { unsafe channel.pointee.core.input.queue.grow(by: count) }
        // Less than was asked for: there is no more, and epoll tells when there is. Behind the last bytes of a peer that
        // has finished there is its FIN, of which epoll has told already.
        if count < memory.count, unsafe !channel.pointee.isEnding { unsafe channel.pointee.isReadable = false }
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

    private static func append(_ bytes: RawSpan, to queue: inout ByteQueue, skipping skip: inout Int) {
        let skipped = min(skip, bytes.byteCount)
        skip -= skipped
        queue.append(bytes.extracting(skipped..<bytes.byteCount))
    }

    /// Sends what was written off the loop and is too much for the shared buffer, which would stay as large.
    private func sendOwn(_ own: inout ByteQueue, _ channel: UnsafeMutablePointer<Channel>) {
        if unsafe channel.pointee.sendFailure != nil { return }
        if unsafe channel.pointee.unsent.isEmpty, unsafe channel.pointee.sending.count == 0 {
            unsafe swap(&own, &channel.pointee.unsent)
            unsafe sendUnsent(channel)
        } else {
            unsafe channel.pointee.unsent.append(own.bytes)
        }
        if unsafe !channel.pointee.unsent.isEmpty, unsafe channel.pointee.sending.count == 0 {
            unsafe watchForRoom(channel)
        }
    }

    /// Has epoll tell when there is room: from the first time that there was none.
    func watchForRoom(_ channel: UnsafeMutablePointer<Channel>) {
        if unsafe channel.pointee.watchesRoom { return }
        unsafe channel.pointee.watchesRoom = true
        if unsafe channel.pointee.ringPart != .nothing { return unsafe leaveRing(channel) }
        if unsafe !channel.pointee.isWatched {
            // The ring has received its FIN.
            do throws(Errno) { try unsafe watch(channel) } catch { return unsafe failSending(channel, error) }
        }
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
