internal import CBerth

extension Ring {
    /// Hands over the requests that have gathered, waits for completions, and returns how many ``nextCompletion()`` will
    /// give: the next batch.
    ///
    /// Returns with fewer than wanted when the time has passed, and when a signal came: none is an ordinary answer. The end
    /// of the time is as exact as the kernel's timers; see ``Kernel/setTimerSlack(nanoseconds:)``.
    ///
    /// When the kernel takes no more requests for now (EBUSY and EAGAIN: it lacks memory, or keeps too many completions
    /// aside) they stay, and completions alone are waited for, 10 ms at most.
    ///
    /// - Parameters:
    ///   - count: how many completions to wait for, counting those that are there already.
    ///   - nanoseconds: how long to wait at most; negative for as long as it takes, 0 for not at all.
    /// - Throws: what `man 2 io_uring_enter` says, none of which goes away by itself: `EBADR`, completions were lost for
    ///   want of memory; `EEXIST` or `EBADF`, it is not the ring's thread; `EBADFD`, the ring is not enabled.
    package mutating func submitAndWait(atLeast count: Int = 1, nanoseconds: Int64 = -1) throws(Errno) -> Int {
        if !spill.isEmpty { submit() }
        let wanted = nanoseconds == 0 ? 0 : UInt32(clamping: count)
        do throws(Errno) {
            try enter(
                awaiting: wanted, flags: RingInterface.getEvents, nanoseconds: wanted == 0 ? -1 : nanoseconds)
        } catch .interrupted {
        } catch .timerExpired {
        } catch {
            guard error == .busy || error == .wouldBlock else { throw error }
            try waitWithoutSubmitting(wanted, nanoseconds)
        }
        unsafe completionTail = berth_ring_load(sharedCompletionTail)
        if unsafe berth_ring_load(sharedFlags) & RingInterface.overflown != 0 { overflowCount += 1 }
        return availableCount
    }

    /// Waits for completions while requests stay where they are.
    private mutating func waitWithoutSubmitting(_ count: UInt32, _ nanoseconds: Int64) throws(Errno) {
        let limit: Int64 = 10_000_000
        do throws(Errno) {
            try Kernel.enterRing(
                descriptor.rawValue, number: number, submitting: 0, awaiting: count,
                flags: RingInterface.getEvents | enterFlags,
                nanoseconds: nanoseconds < 0 ? limit : min(nanoseconds, limit))
        } catch {
            switch error {
            case .interrupted, .timerExpired, .busy, .wouldBlock: return
            default: throw error
            }
        }
    }

    /// How many completions of the batch are left.
    @inlinable @inline(__always)
    package var availableCount: Int { Int(completionTail &- completionHead) }

    /// The next completion of the batch; `nil` when all have been looked at.
    ///
    /// Requests may be made between one and the next. Their completions belong to a later batch, so that no batch is
    /// without end. The kernel gets the places back all at once, when it is entered the next time.
    @inlinable @inline(__always)
    package mutating func nextCompletion() -> RingCompletion? {
        if completionHead == completionTail { return nil }
        // Between the two indexes the kernel has written, and writes no more.
        let place = unsafe completions + Int(completionHead & completionMask)
        completionHead &+= 1
        let flags = unsafe place.pointee.flags
        if flags & RingInterface.hasMore == 0 { inFlightCount &-= 1 }
        let completion = unsafe RingCompletion(
            token: place.pointee.token, result: place.pointee.result, flags: flags)
        #if BERTH_FAULTS
        return faulted(completion)
        #else
        return completion
        #endif
    }

    /// Ends all requests and takes their completions, among them those of the batch that are left; returns how many
    /// requests are in flight still: none, unless the time has passed.
    ///
    /// Afterwards the kernel uses no memory and holds no socket on behalf of this ring. Descriptors of connections that
    /// were accepted meanwhile are in the completions, and have to be closed.
    ///
    /// - Parameters:
    ///   - token: what the completions of the cancelling itself carry.
    ///   - body: given each completion.
    package mutating func cancelAll(
        until deadline: Deadline, token: UInt64, _ body: (RingCompletion) throws -> Void
    ) rethrows -> Int {
        while true {
            while let completion = nextCompletion() { try body(completion) }
            if inFlightCount == 0 || deadline.hasPassed { return inFlightCount }
            // Again each time: what was not in flight yet, or about to complete, is not found by one.
            cancelAll(token: token)
            guard (try? submitAndWait(atLeast: 1, nanoseconds: 10_000_000)) != nil else { return inFlightCount }
        }
    }
}
