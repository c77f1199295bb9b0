package import BerthSystem

// What a service does with its loops.
extension EventLoop {
    /// Has ``onListenerReady`` called when a connection waits. Of the loops that watch the same listener the kernel wakes
    /// one, not all (EPOLLEXCLUSIVE). On the loop's thread, or before it runs.
    ///
    /// - Parameter isShared: whether it is one of several, or someone else's as well: a ring watches one listener, which
    ///   it holds until its request has ended. The others are in the loop's epoll, which the ring watches.
    package func watch(listener: Int32, isShared: Bool = false) throws(Errno) {
        if unsafe core.state.pointee.ring != nil, !isShared {
            return call { [core] in core.watchByRing(listener: listener) }
        }
        try unsafe core.state.pointee.epoll.add(listener, [.readable, .exclusive], token: LoopState.listenerToken)
    }

    /// Ends that.
    package func unwatch(listener: Int32, isShared: Bool = false) {
        if unsafe core.state.pointee.ring != nil, !isShared { return core.watchByRing(listener: -1) }
        try? unsafe core.state.pointee.epoll.remove(listener)
    }

    /// Calls `body` once after a time. On the loop's thread.
    package func pause(for time: Duration, then body: @escaping () -> Void) {
        unsafe core.state.pointee.onListenerPause = body
        let moment = MonotonicTime.now.advanced(by: time).nanoseconds
        unsafe core.state.pointee.timers.arm(core.state.pointee.listenerTimer, at: moment)
    }

    /// Tells the connections that the service ends, each when its moment has come, and once all reads are to end. On the
    /// loop's thread.
    package func drain(_ signals: ServerSignals) {
        // Asked before: one whose moment comes while the others are told is told the next time.
        let areAllDue = signals.isForced || MonotonicTime.now >= signals.allTold
        core.drain()
        // No listener needs its timer any more.
        if !areAllDue { pause(for: Self.drainStep) { [self] in drain(signals) } }
    }

    private static let drainStep: Duration = .milliseconds(10)

    /// What the handlers of the loop wait for, and what lies in the buffers of their connections. On the loop's thread.
    package var handlers: [ConnectionID: HandlerState] { core.handlers }

    /// Ends the present wait of a connection, and all later ones, because its handler's task was cancelled. From any
    /// thread.
    package func cancel(_ token: UInt64) { call { [core] in core.cancel(token) } }

    /// The same from another thread, for a connection that is used there: its handler is not parked, so the loop only has
    /// to forget it.
    func releaseFromElsewhere(_ channel: UnsafeMutablePointer<Channel>) -> Descriptor? {
        if unsafe channel.pointee.descriptor < 0 { return nil }
        let taken = Monitor<Int32?>(nil)
        let side = unsafe LoopSide(channel: channel)
        call { [core] in
            let number = unsafe core.release(side.channel, closing: false)?.release() ?? -1
            taken.change { $0 = number }
        }
        guard let number = taken.wait({ $0 }), number >= 0 else { return nil }
        return Descriptor(owning: number)
    }
}
