internal import BerthFraming
internal import BerthSockets
internal import BerthSystem

// A turn of a loop that has a ring, and who is concerned by what comes of it. A completion can come late, for a channel
// that is gone or has left the ring: its token finds none, or the channel knows.
extension LoopCore {
    /// Hands over what has been requested, waits, and deals with what comes.
    ///
    /// - Parameters:
    ///   - timeout: milliseconds; -1 for as long as it takes.
    ///   - epoll: deals with what epoll tells.
    ///   - listener: called when the listener is ready.
    func turn(
        _ ring: UnsafeMutablePointer<LoopRing>, timeout: Int32, epoll: () -> Void, listener: () -> Void
    ) {
        unsafe ring.pointee.handovers &+= 1
        do throws(Errno) {
            let time = timeout < 0 ? -1 : Int64(timeout) * 1_000_000
            _ = try unsafe ring.pointee.ring.submitAndWait(atLeast: 1, nanoseconds: time)
        } catch {
            // Completions may have been lost for want of memory (EBADR): nothing that can be repaired, but not to spin for.
            var nothing: [PollEntry] = []
            _ = try? Kernel.poll(&nothing, until: .after(.milliseconds(1)))
        }
        unsafe state.pointee.now = MonotonicTime.now.nanoseconds
        unsafe ring.pointee.arena.turn()
        while let completion = unsafe ring.pointee.ring.nextCompletion() {
            switch completion.token {
            case LoopRing.epollToken:
                if !completion.isMoreToCome {
                    unsafe ring.pointee.watch(epoll: state.pointee.epoll.descriptor.rawValue)
                }
                epoll()
            case LoopState.listenerToken:
                unsafe ring.pointee.isListenerWatched = false
                if completion.errno == nil { listener() }
                unsafe ring.pointee.watchListener()
            default: unsafe completed(completion, ring)
            }
        }
        unsafe ring.pointee.buffers.publish()
    }

    private func completed(_ completion: RingCompletion, _ ring: UnsafeMutablePointer<LoopRing>) {
        let token = completion.token & ~LoopRing.Kind.mask
        switch LoopRing.Kind(rawValue: (completion.token & LoopRing.Kind.mask) >> LoopRing.Kind.shift) {
        case .receive: unsafe received(completion, token, ring)
        case .sendOfFirst: unsafe sent(completion, token, ring, half: 0)
        case .sendOfSecond: unsafe sent(completion, token, ring, half: 1)
        case .cancel, nil: break
        }
    }

    // MARK: Receiving

    /// Has the ring receive for a channel, or epoll tell of it where there is no ring.
    func serve(_ channel: UnsafeMutablePointer<Channel>) throws(Errno) {
        if unsafe state.pointee.ring == nil { return try unsafe watch(channel) }
        unsafe channel.pointee.ringPart = .ready
    }

    /// Begins that, for a handler that waits.
    @inline(never)
    func receiveByRing(_ channel: UnsafeMutablePointer<Channel>) {
        guard let ring = unsafe state.pointee.ring else { return }
        unsafe channel.pointee.ringPart = .receives
        unsafe receive(channel, ring)
    }

    private func receive(_ channel: UnsafeMutablePointer<Channel>, _ ring: UnsafeMutablePointer<LoopRing>) {
        unsafe channel.pointee.lastRequest = ring.pointee.handovers
        unsafe ring.pointee.receive(channel.pointee.descriptor, channel.pointee.token)
    }

    private func received(_ completion: RingCompletion, _ token: UInt64, _ ring: UnsafeMutablePointer<LoopRing>) {
        if let id = completion.bufferID {
            let count = Int(completion.result)
            if count > 0, let channel = unsafe state.pointee.channel(token) {
                unsafe arrived(channel, ring, id, count)
            } else {
                unsafe ring.pointee.buffers.giveBack(id)
            }
        }
        // Looked for again: a handler may have ended its connection.
        guard !completion.isMoreToCome, let channel = unsafe state.pointee.channel(token) else { return }
        if unsafe channel.pointee.ringPart == .leaves {
            if let errno = completion.errno, errno != .cancelled, errno != .noBufferSpace {
                unsafe channel.pointee.receiveFailure = completion.result
            }
            unsafe left(channel)
        } else if completion.result > 0 || completion.errno == .noBufferSpace {
            // Buffers are given back by the end of the turn, when this is handed over.
            unsafe receive(channel, ring)
        } else {
            unsafe ended(channel, completion.result)
        }
    }

    /// How much is taken in for a handler that does not look at it.
    private static var unreadLimit: Int { LoopState.bufferSize }

    /// Bytes have arrived for a channel, in a buffer of the ring, which is given back by the end of this.
    private func arrived(
        _ channel: UnsafeMutablePointer<Channel>, _ ring: UnsafeMutablePointer<LoopRing>, _ id: Int, _ count: Int
    ) {
        let buffer = unsafe ring.pointee.buffers.buffer(id)
        unsafe channel.pointee.received &+= UInt64(count)
        let isFirst = unsafe channel.pointee.core.input.queue.isEmpty
        let answerer = unsafe channel.pointee.answerer
        if isFirst, let answerer = unsafe answerer, unsafe channel.pointee.unsent.isEmpty {
            unsafe wakeAnswerer(channel, answerer, .ready, UnsafeRawBufferPointer(rebasing: buffer[0..<count]))
            return unsafe ring.pointee.buffers.giveBack(id)
        }
        let isAwaited: Bool
        if unsafe answerer != nil {
            isAwaited = unsafe channel.pointee.unsent.isEmpty
        } else {
            isAwaited = unsafe channel.pointee.wait == .readable && channel.pointee.job != nil
        }
        if isFirst, isAwaited, unsafe answerer == nil, unsafe count >= channel.pointee.wanted {
            // The handler reads it where it lies.
            unsafe attachOutput(channel)
            unsafe channel.pointee.core.input.queue.releaseIfEmpty()
            unsafe channel.pointee.core.input.queue.borrowMemory(buffer, filled: count)
            unsafe state.pointee.isInputLent = true
            unsafe state.pointee.lentBuffer = id
            unsafe channel.pointee.arrived = count
            return unsafe resume(channel, .ready)
        }
        unsafe channel.pointee.core.input.queue.append(UnsafeRawBufferPointer(rebasing: buffer[0..<count]).bytes)
        unsafe ring.pointee.buffers.giveBack(id)
        unsafe channel.pointee.arrived += count
        if !isAwaited {
            if unsafe channel.pointee.core.input.queue.count > Self.unreadLimit { unsafe leaveRing(channel) }
        } else if unsafe channel.pointee.core.input.queue.count < channel.pointee.wanted {
            unsafe setDeadline(channel, for: .readable)
        } else if let answerer = unsafe answerer {
            unsafe wakeAnswerer(channel, answerer, .ready)
        } else {
            unsafe resume(channel, .ready)
        }
    }

    /// Takes a buffer of the ring back from the handler that ran. What is left in it moves to one of the channel's own.
    @inline(never)
    func takeRingBufferBack(_ channel: UnsafeMutablePointer<Channel>, _ id: Int) {
        unsafe state.pointee.isInputLent = false
        unsafe state.pointee.lentBuffer = -1
        let rest = unsafe channel.pointee.core.input.queue.giveUpMemory()
        if !rest.isEmpty { unsafe channel.pointee.core.input.queue.append(rest.bytes) }
        unsafe state.pointee.ring?.pointee.buffers.giveBack(id)
    }

    /// Receiving has ended: with the peer's FIN, or an errno as a negative number.
    private func ended(_ channel: UnsafeMutablePointer<Channel>, _ result: Int32) {
        unsafe channel.pointee.ringPart = .nothing
        // Whoever comes to read finds it: the FIN is there as often as one asks, an error only once.
        unsafe channel.pointee.receiveFailure = result
        let failed: EpollEvents = result < 0 ? [.error, .hangUp] : []
        if unsafe channel.pointee.watchesRoom { unsafe watchAll(channel) }
        unsafe happened([.readable, .peerFinished, failed], channel)
    }

    // MARK: Leaving

    /// Has the ring end to receive for a channel, which epoll tells of from then on: for a peer that does not read, a
    /// message that is too large for buffers, or when the socket is given away.
    func leaveRing(_ channel: UnsafeMutablePointer<Channel>) {
        if unsafe channel.pointee.ringPart == .ready { return unsafe left(channel) }
        guard unsafe channel.pointee.ringPart == .receives, let ring = unsafe state.pointee.ring else { return }
        unsafe channel.pointee.ringPart = .leaves
        unsafe channel.pointee.wanted = 1
        unsafe channel.pointee.lastRequest = ring.pointee.handovers
        unsafe ring.pointee.cancelReceive(channel.pointee.token)
    }

    private func left(_ channel: UnsafeMutablePointer<Channel>) {
        unsafe channel.pointee.ringPart = .nothing
        if unsafe channel.pointee.wait == .ringLeft { return unsafe resume(channel, .ready) }
        unsafe watchAll(channel)
    }

    /// Has epoll tell of a channel that the ring was concerned with until now.
    private func watchAll(_ channel: UnsafeMutablePointer<Channel>) {
        let watchesRoom = unsafe channel.pointee.watchesRoom
        unsafe channel.pointee.watchesRoom = false
        do throws(Errno) {
            try unsafe watch(channel)
            if watchesRoom { unsafe watchForRoom(channel) }
        } catch {
            unsafe failSending(channel, error)
            unsafe channel.pointee.receiveFailure = -error.rawValue
            unsafe happened([.readable, .peerFinished, .error], channel)
        }
    }

    /// Ends what the ring does for a channel whose descriptor goes. Its memory is not the kernel's.
    func forgetRing(_ channel: UnsafeMutablePointer<Channel>) {
        guard let ring = unsafe state.pointee.ring else { return }
        let part = unsafe channel.pointee.ringPart
        guard unsafe part == .receives || part == .leaves || channel.pointee.sending.count > 0 else { return }
        unsafe leaveRing(channel)
        // By the time that it is handed over, the number may be another socket's.
        if unsafe channel.pointee.lastRequest == ring.pointee.handovers { unsafe ring.pointee.submit() }
        unsafe channel.pointee.ringPart = .nothing
        unsafe channel.pointee.sending.count = 0
    }

    /// Has the ring tell of the listener, or not any more for -1: then the ring does not hold it any longer.
    func watchByRing(listener: Int32) {
        guard let ring = unsafe state.pointee.ring else { return }
        unsafe ring.pointee.listener = listener
        if listener >= 0 { return unsafe ring.pointee.watchListener() }
        guard unsafe ring.pointee.isListenerWatched else { return }
        unsafe ring.pointee.ring.cancel(token: LoopState.listenerToken, token: LoopRing.Kind.cancel.token(0))
        unsafe ring.pointee.settle()
    }

    /// Makes a ring, or says why there is none: then epoll tells of everything.
    func makeRing() -> String? {
        if case .unavailable(let reason) = RingSupport.probe() { return reason }
        let memory = UnsafeMutablePointer<LoopRing>.allocate(capacity: 1)
        do throws(RingError) {
            unsafe memory.initialize(to: try LoopRing())
            unsafe state.pointee.ring = memory
            return nil
        } catch {
            unsafe memory.deallocate()
            return "\(error)"
        }
    }

    /// Makes the loop's thread the one that uses the ring.
    func enableRing() {
        guard let ring = unsafe state.pointee.ring else { return }
        do throws(RingError) {
            try unsafe ring.pointee.enable(watching: state.pointee.epoll.descriptor.rawValue)
        } catch { unsafe state.pointee.endRing() }
    }

    /// Ends all requests, and the ring. There is no channel any more.
    func endRing() {
        guard let ring = unsafe state.pointee.ring else { return }
        let left = unsafe ring.pointee.ring.cancelAll(until: .after(.seconds(5)), token: LoopRing.Kind.cancel.token(0))
        {
            completion in
            if let id = completion.bufferID { unsafe ring.pointee.buffers.giveBack(id) }
        }
        // Memory that the kernel may still write to is not given back.
        if left > 0 { return unsafe state.pointee.ring = nil }
        unsafe state.pointee.endRing()
    }

    // MARK: Sending

    /// Has the ring send what the handler has written with the next hand-over; false when that is not possible.
    func sendLater(_ channel: UnsafeMutablePointer<Channel>) -> Bool {
        guard unsafe channel.pointee.ringPart == .receives && channel.pointee.sending.count == 0,
            unsafe channel.pointee.unsent.isEmpty && channel.pointee.sendFailure == nil,
            let ring = unsafe state.pointee.ring,
            let place = unsafe channel.pointee.core.output.queue.withUnsafeBytes({ unsafe ring.pointee.arena.put($0) })
        else { return false }
        unsafe channel.pointee.core.output.queue.removeAll()
        unsafe channel.pointee.sending = place
        unsafe channel.pointee.lastRequest = ring.pointee.handovers
        let kind: LoopRing.Kind = place.half == 0 ? .sendOfFirst : .sendOfSecond
        unsafe ring.pointee.ring.send(
            channel.pointee.descriptor, ring.pointee.arena.bytes(place), whole: false, flags: .doNotWait,
            token: kind.token(channel.pointee.token))
        return true
    }

    private func sent(
        _ completion: RingCompletion, _ token: UInt64, _ ring: UnsafeMutablePointer<LoopRing>, half: Int
    ) {
        // Nobody puts anything there before this turn is over.
        unsafe ring.pointee.arena.finished(half: half)
        guard let channel = unsafe state.pointee.channel(token), unsafe channel.pointee.sending.count > 0 else {
            return
        }
        let place = unsafe channel.pointee.sending
        unsafe channel.pointee.sending.count = 0
        if Int(completion.result) == Int(place.count), unsafe channel.pointee.unsent.isEmpty {
            if unsafe channel.pointee.wait == .sent { unsafe resume(channel, .ready) }
            return
        }
        unsafe sentInPart(channel, completion, ring.pointee.arena.bytes(place))
    }

    /// The ring has sent less than all, or there is more behind it.
    @inline(never)
    private func sentInPart(
        _ channel: UnsafeMutablePointer<Channel>, _ completion: RingCompletion, _ reply: UnsafeRawBufferPointer
    ) {
        if let errno = completion.errno, errno != .wouldBlock {
            unsafe failSending(channel, errno)
        } else {
            let rest = unsafe UnsafeRawBufferPointer(rebasing: reply[max(0, Int(completion.result))...])
            if !rest.isEmpty {
                var all = ByteQueue()
                unsafe all.append(rest.bytes)
                unsafe all.append(channel.pointee.unsent.bytes)
                unsafe swap(&all, &channel.pointee.unsent)
            }
            unsafe sendUnsent(channel)
            if unsafe !channel.pointee.unsent.isEmpty { unsafe watchForRoom(channel) }
        }
        // Whoever waits for bytes has to wait for room first, which is another time.
        if let answerer = unsafe channel.pointee.answerer {
            unsafe wakeAnswerer(channel, answerer, .ready)
        } else if unsafe channel.pointee.wait == .sent || channel.pointee.wait == .readable {
            unsafe resume(channel, .ready)
        }
    }
}
