internal import BerthFraming
internal import BerthSockets
internal import BerthSystem

// How handlers wait, and what ends their waits.
extension EventLoop {
    /// Parks the handler that calls, until what it waits for has happened, `limit` nanoseconds have passed, or something
    /// else ended the wait. It may end without any of that: whoever waits looks again.
    @inline(never)
    nonisolated(nonsending) func park(
        _ channel: UnsafeMutablePointer<Channel>, _ wait: Channel.Wait, limit: Int64
    ) async -> Channel.Verdict {
        guard unsafe beginWait(channel, wait, limit), let spot = unsafe state.pointee.spot else {
            return unsafe channel.pointee.verdict
        }
        await spot.park()
        return unsafe endWait(channel)
    }

    /// False when there is nothing to wait for; the verdict says why.
    private func beginWait(
        _ channel: UnsafeMutablePointer<Channel>, _ wait: Channel.Wait, _ limit: Int64
    ) -> Bool {
        unsafe channel.pointee.verdict = unsafe interference(channel, wait)
        if unsafe channel.pointee.verdict != .ready { return false }
        unsafe channel.pointee.wait = wait
        unsafe channel.pointee.turn = 0
        if wait == .turn {
            unsafe state.pointee.turns.append(channel.pointee.token)
        } else {
            unsafe setDeadline(channel, limit)
        }
        unsafe state.pointee.parking = channel
        return true
    }

    private func endWait(_ channel: UnsafeMutablePointer<Channel>) -> Channel.Verdict {
        unsafe channel.pointee.wait = .nothing
        unsafe state.pointee.parking = nil
        return unsafe channel.pointee.verdict
    }

    /// What keeps a wait from beginning, and ends one that has begun.
    private func interference(_ channel: UnsafeMutablePointer<Channel>, _ wait: Channel.Wait) -> Channel.Verdict {
        if unsafe channel.pointee.isCancelled { return .cancelled }
        if wait == .readable, unsafe state.pointee.isDraining, unsafe channel.pointee.heedsDrain { return .interrupted }
        return .ready
    }

    /// Bounds the present wait. A timer that is armed for an earlier moment, from an earlier wait, is left as it is: when it
    /// fires it is armed anew. So a busy connection costs a timer nothing.
    func setDeadline(_ channel: UnsafeMutablePointer<Channel>, _ limit: Int64) {
        guard limit != .max else {
            unsafe channel.pointee.deadline = .max
            return
        }
        // The coarse clock is behind, so that adding its step makes sure that nothing is late too early.
        let now = MonotonicTime.coarse.nanoseconds + MonotonicTime.coarseness
        let (deadline, overflow) = now.addingReportingOverflow(limit)
        unsafe channel.pointee.deadline = overflow ? .max : deadline
        guard !overflow else { return }
        if unsafe channel.pointee.timer.isArmed,
            unsafe channel.pointee.timer.tick <= state.pointee.timers.tick(of: deadline)
        {
            return
        }
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

    /// What epoll tells of a channel.
    func happened(_ events: EpollEvents, _ channel: UnsafeMutablePointer<Channel>) {
        if !events.isDisjoint(with: [.peerFinished, .hangUp, .error]) {
            unsafe channel.pointee.isEnding = true
            unsafe channel.pointee.isReadable = true
        } else if events.contains(.readable) {
            unsafe channel.pointee.isReadable = true
        }
        if !events.isDisjoint(with: [.writable, .hangUp, .error]), unsafe !channel.pointee.unsent.isEmpty {
            unsafe sendUnsent(channel)
        }
        if let answerer = unsafe channel.pointee.answerer {
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

    /// Ends the present wait of a connection, and all later ones, because its handler's task was cancelled. From any
    /// thread.
    package func cancel(_ token: UInt64) {
        call { [self] in
            guard let channel = unsafe state.pointee.channel(token) else { return }
            unsafe channel.pointee.isCancelled = true
            unsafe interfere(channel)
        }
    }

    /// Tells all connections that the service ends. On the loop's thread.
    package func drain() {
        unsafe state.pointee.isDraining = true
        for channel in unsafe state.pointee.channels { unsafe interfere(channel) }
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
