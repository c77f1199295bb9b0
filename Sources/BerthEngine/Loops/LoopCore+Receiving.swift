internal import BerthFraming
internal import BerthSockets
internal import BerthSystem

// How bytes come from the kernel to a channel.
extension LoopCore {
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
                if unsafe channel.pointee.ringPart == .ready { unsafe receiveByRing(channel) }
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
        unsafe channel.pointee.received &+= UInt64(count)
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
        if unsafe channel.pointee.ringPart == .ready { unsafe receiveByRing(channel) }
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
        if count > 0 {
            unsafe channel.pointee.core.input.queue.grow(by: count)
            unsafe channel.pointee.received &+= UInt64(count)
        }
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
}
