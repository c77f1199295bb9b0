internal import BerthFraming
internal import BerthSockets
internal import BerthSystem

// How handlers wait, and what ends their waits.
extension LoopCore {
    /// Notes what the handler of a channel is about to wait for, and says where it is to park; `nil` when there is nothing
    /// to wait for. A wait may end without what it waits for: whoever waits looks again.
    func beginWait(_ channel: UnsafeMutablePointer<Channel>, _ wait: Channel.Wait) -> ParkingSpot? {
        var verdict = unsafe interference(channel, wait)
        if wait == .turn, unsafe channel.pointee.clock.isOver(now: state.pointee.now) { verdict = .late }
        unsafe channel.pointee.verdict = verdict
        if verdict != .ready { return nil }
        unsafe channel.pointee.wait = wait
        unsafe channel.pointee.turn = 0
        switch wait {
        case .turn: unsafe state.pointee.turns.append(channel.pointee.token)
        default: unsafe setDeadline(channel, for: wait)
        }
        unsafe state.pointee.parking = channel
        return unsafe state.pointee.spot
    }

    /// What the wait has come to.
    func endWait(_ channel: UnsafeMutablePointer<Channel>, _ wait: Channel.Wait) throws(StreamError) {
        unsafe channel.pointee.wait = .nothing
        unsafe state.pointee.parking = nil
        switch unsafe channel.pointee.verdict {
        case .ready: break
        case .interrupted: unsafe channel.pointee.core.input.wasInterrupted = true
        case .cancelled: throw .cancelled
        case .late: throw .socket(unsafe giveUp(channel, sending: wait == .sent))
        }
    }

    /// The error of a wait that took too long. What could not be sent is lost.
    func giveUp(_ channel: UnsafeMutablePointer<Channel>, sending: Bool) -> SocketError {
        let passed = unsafe channel.pointee.clock.passed(
            now: MonotonicTime.now.nanoseconds, forRoom: sending, received: channel.pointee.received)
        let error = SocketError.passed(
            passed.deadline, limit: passed.limit, sending ? .send : .receive, address: unsafe address(channel))
        guard sending else { return error }
        unsafe attach(channel)
        unsafe failSending(channel, error)
        return error
    }

    func address(_ channel: UnsafeMutablePointer<Channel>) -> String? {
        unsafe channel.pointee.owner?.takeUnretainedValue().peer.description
    }

    /// What keeps a wait from beginning, and ends one that has begun.
    private func interference(_ channel: UnsafeMutablePointer<Channel>, _ wait: Channel.Wait) -> Channel.Verdict {
        // First: a handler that reads when the time is over is cancelled as well, and is to see the end of the stream.
        if unsafe state.pointee.isDraining, wait == .readable, unsafe isTold(channel) { return .interrupted }
        if unsafe channel.pointee.heedsCancellation,
            unsafe channel.pointee.isCancelled || channel.pointee.task?.isCancelled ?? false
        {
            return .cancelled
        }
        return .ready
    }

    /// Whether a wait for bytes is to end because the service does.
    @inline(never)
    func isTold(_ channel: UnsafeMutablePointer<Channel>) -> Bool {
        let heed = unsafe channel.pointee.drainHeed
        guard heed != .nothing, let owner = unsafe channel.pointee.owner?.takeUnretainedValue(),
            let signals = owner.signals
        else { return false }
        if signals.isForced { return true }
        return unsafe heed == .all && channel.pointee.core.input.isBetweenMessages && signals.isTold(owner.id)
            && !hasArrived(channel)
    }

    /// Whether the kernel has bytes for a channel, or its end, of which epoll or the ring will tell in a moment: what has
    /// arrived is delivered, also while the service ends.
    private func hasArrived(_ channel: UnsafeMutablePointer<Channel>) -> Bool {
        // Not by a receive that peeks, which would take an error away.
        let found = try? Kernel.wait(for: .readable, on: unsafe channel.pointee.descriptor, until: .after(.zero))
        return found?.contains(.readable) ?? false
    }

    /// Bounds the present wait. A timer that is armed for an earlier moment, from an earlier wait, is left as it is: when it
    /// fires it is armed anew. So a busy connection costs a timer nothing.
    func setDeadline(_ channel: UnsafeMutablePointer<Channel>, for wait: Channel.Wait) {
        guard unsafe channel.pointee.clock.isBounded else {
            unsafe channel.pointee.deadline = .max
            return
        }
        // The coarse clock would cost 18 ns less, but is behind by more than its step when a tick comes late.
        let now = MonotonicTime.now.nanoseconds
        let deadline: Int64
        if wait == .sent {
            deadline = unsafe channel.pointee.clock.awaitRoom(now: now)
        } else {
            deadline = unsafe channel.pointee.clock.awaitBytes(
                now: now, received: channel.pointee.received, buffered: channel.pointee.core.input.queue.count,
                isBetween: channel.pointee.core.input.isBetweenMessages,
                isStreaming: channel.pointee.core.input.isWithinFrame)
        }
        unsafe channel.pointee.deadline = deadline
        guard deadline != .max else { return }
        if unsafe channel.pointee.timer.isArmed && channel.pointee.timer.moment <= deadline { return }
        unsafe state.pointee.timers.arm(&channel.pointee.timer, at: deadline)
    }

    func fireTimers() {
        while let node = unsafe state.pointee.timers.popDue(now: state.pointee.now) {
            let token = unsafe node.pointee.token
            if let channel = unsafe state.pointee.channel(token) {
                unsafe fire(channel)
            } else if token == LoopState.listenerToken {
                unsafe state.pointee.onListenerPause?()
            }
        }
    }

    private func fire(_ channel: UnsafeMutablePointer<Channel>) {
        let (wait, deadline) = unsafe (channel.pointee.wait, channel.pointee.deadline)
        let isWaiting = unsafe channel.pointee.answerer != nil || (wait != .nothing && wait != .turn)
        guard isWaiting, deadline != .max else { return }
        if unsafe deadline > state.pointee.now {
            unsafe state.pointee.timers.arm(&channel.pointee.timer, at: deadline)
        } else if let answerer = unsafe channel.pointee.answerer {
            unsafe wakeAnswerer(channel, answerer, .late)
        } else {
            unsafe resume(channel, .late)
        }
    }

    /// Runs the handler of a channel that waits.
    func resume(_ channel: UnsafeMutablePointer<Channel>, _ verdict: Channel.Verdict) {
        guard let job = unsafe channel.pointee.job else { return }
        unsafe channel.pointee.job = nil
        unsafe channel.pointee.wait = .nothing
        unsafe channel.pointee.verdict = verdict
        // What it waited for is of use to it at once.
        unsafe attach(channel)
        unsafe run(job, of: channel.pointee.token)
    }

    /// Lets those have their turn again that have let the others have theirs.
    func takeTurns() {
        guard unsafe !state.pointee.turns.isEmpty else { return }
        var turns: [UInt64] = []
        unsafe swap(&turns, &state.pointee.turns)
        for token in turns {
            guard let channel = unsafe state.pointee.channel(token) else { continue }
            if let answerer = unsafe channel.pointee.answerer {
                unsafe wakeAnswerer(channel, answerer, .ready)
            } else if unsafe channel.pointee.wait == .turn {
                unsafe resume(channel, .ready)
            }
        }
    }

    // As numbers: methods of another module's set would be calls.
    private static let readable: UInt32 = 0x001
    /// Room to send, or an error that says that there is no use in waiting for it.
    private static let writable: UInt32 = 0x004 | 0x008 | 0x010
    /// The peer's FIN, an error, both directions shut.
    private static let ending: UInt32 = 0x2000 | 0x008 | 0x010

    /// What epoll tells of a channel.
    func happened(_ events: EpollEvents, _ channel: UnsafeMutablePointer<Channel>) {
        if events.rawValue & Self.ending != 0 {
            unsafe channel.pointee.isEnding = true
            unsafe channel.pointee.isReadable = true
        } else if events.rawValue & Self.readable != 0 {
            unsafe channel.pointee.isReadable = true
        }
        if events.rawValue & Self.writable != 0, unsafe !channel.pointee.unsent.isEmpty {
            unsafe sendUnsent(channel)
        }
        if let answerer = unsafe channel.pointee.answerer {
            // A peer that sends and takes nothing does not begin the time anew in which it has to make room.
            if unsafe !channel.pointee.unsent.isEmpty, unsafe !channel.pointee.hasSentMore { return }
            unsafe channel.pointee.hasSentMore = false
            unsafe wakeAnswerer(channel, answerer, .ready)
            return
        }
        switch unsafe channel.pointee.wait {
        case .readable where unsafe channel.pointee.isReadable: unsafe resume(channel, .ready)
        // Also when there is more to come: each step of the peer begins the time anew.
        case .sent where unsafe channel.pointee.unsent.isEmpty || channel.pointee.hasSentMore:
            unsafe channel.pointee.hasSentMore = false
            unsafe resume(channel, .ready)
        case .connected: unsafe resume(channel, .ready)
        default: break
        }
    }

    // MARK: Interference

    /// Ends the present wait of a connection, and all later ones, because its handler's task was cancelled.
    func cancel(_ token: UInt64) {
        guard let channel = unsafe state.pointee.channel(token) else { return }
        unsafe channel.pointee.isCancelled = true
        unsafe interfere(channel)
    }

    /// Ends the waits of all connections that are told by now that the service ends.
    func drain() {
        unsafe state.pointee.isDraining = true
        // One that goes on may end others.
        for token in unsafe state.pointee.tokens {
            if let channel = unsafe state.pointee.channel(token), unsafe isTold(channel) { unsafe interfere(channel) }
        }
    }

    private func interfere(_ channel: UnsafeMutablePointer<Channel>) {
        if let answerer = unsafe channel.pointee.answerer {
            unsafe wakeAnswerer(channel, answerer, .ready)
        } else if unsafe channel.pointee.wait != .nothing {
            let verdict = unsafe interference(channel, channel.pointee.wait)
            if verdict != .ready { unsafe resume(channel, verdict) }
        }
    }
}
