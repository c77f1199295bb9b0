internal import BerthFraming
internal import BerthSystem

// The parts that all ways to read share.
extension SocketStream {
    /// Receives more bytes, sending what has gathered first, and returns how many; 0 at the end.
    @discardableResult
    package func receive(room: Int) throws(StreamError) -> Int {
        if core.input.peerFinished || core.input.wasInterrupted { return 0 }
        if !core.output.queue.isEmpty { try send(stallLimit: stallLimit) }
        let number = try fileDescriptor
        if core.input.queue.isEmpty, core.input.queue.allocatedCount > Self.receiveSizes.most {
            core.input.queue.releaseIfEmpty()
        }
        // What a peer announced is not believed: memory grows with what has arrived, at most doubling each time.
        let room = max(min(room, max(core.input.queue.count, Self.receiveSizes.most)), receiveSize)
        let count: Int?
        do throws(SocketError) {
            count = try receive(number, room: room)
        } catch { throw .socket(error) }
        guard let count else {
            core.input.wasInterrupted = true
            return 0
        }
        if count == 0 { core.input.peerFinished = true }
        received &+= UInt64(count)
        if count == room, receiveSize < Self.receiveSizes.most { receiveSize *= 2 }
        return count
    }

    /// One receive that waits; `nil` when it was interrupted.
    private func receive(_ fd: Int32, room: Int) throws(SocketError) -> Int? {
        var end: Int64 = .max
        var present: Int64 = 0
        if clock.isBounded {
            present = MonotonicTime.now.nanoseconds
            end = clock.awaitBytes(
                now: present, received: received, buffered: core.input.queue.count,
                isBetween: core.input.isBetweenMessages, isStreaming: core.input.isWithinFrame)
            // A byte now and then does not extend it.
            if end <= present { throw late(at: present) }
        }
        // The first try may wait in the kernel, for as long as the socket's SO_RCVTIMEO lets it, unless the wait has to
        // be watched from its beginning, or is bounded and there is no SO_RCVTIMEO (any more).
        let isBounded = end != .max || interruption != nil
        var mayWait = readDeadline == .never && interruptionEnd == nil && (!isBounded || patienceSet != nil)
        if let patienceSet, end != .max, end - present < patienceSet.wholeNanoseconds { mayWait = false }
        while true {
            do throws(Errno) {
                return try core.input.queue.fill(room: room) { (memory) throws(Errno) in
                    let target = unsafe UnsafeMutableRawBufferPointer(rebasing: memory[..<room])
                    // A signal does not start the time anew: the rest is waited for by poll(2).
                    return try unsafe Kernel.receive(fd, into: target, flags: mayWait ? [] : .doNotWait, resumes: false)
                }
            } catch {
                guard error == .wouldBlock || error == .interrupted else {
                    throw SocketError(.receive, address: peer.description, errno: error)
                }
            }
            if mayWait, core.input.queue.isEmpty {
                // Nothing came for a while: a connection that idles owns no memory.
                core.input.queue.releaseIfEmpty()
                receiveSize = Self.receiveSizes.least
            }
            guard try wait(fd, end) else { return nil }
            mayWait = false
        }
    }

    /// From when on reads end because the service does; `nil` while they do not.
    private var interruptionEnd: MonotonicTime? {
        interruption?.end(isWithinMessage: !core.input.isBetweenMessages)
    }

    /// Waits until there is something to receive; false when the wait was interrupted.
    private func wait(_ fd: Int32, _ end: Int64) throws(SocketError) -> Bool {
        let deadline = end == .max ? readDeadline : readDeadline.earlier(of: Deadline(time: .init(nanoseconds: end)))
        interruption?.note(.reading, unread: core.input.queue.count)
        defer { interruption?.note(.nothing) }
        repeat {
            let interruptionEnd = interruptionEnd
            var entries = [PollEntry(fd, .readable)]
            if let interruption {
                let isWithinMessage = !core.input.isBetweenMessages
                let descriptor = interruption.descriptor(after: interruptionEnd, isWithinMessage: isWithinMessage)
                entries.append(PollEntry(descriptor, .readable))
            }
            do throws(Errno) {
                let found = try Kernel.poll(&entries, until: deadline.earlier(of: Deadline(time: interruptionEnd)))
                if found > 0, !entries[0].found.isEmpty { return true }
            } catch { throw SocketError(.receive, address: peer.description, errno: error) }
            if let interruptionEnd, interruptionEnd <= .now { return false }
        } while !deadline.hasPassed
        if !readDeadline.hasPassed { throw late(at: MonotonicTime.now.nanoseconds) }
        throw .deadline(.receive, address: peer.description, nothingHappened: "byte from the peer", within: nil)
    }

    /// The error of a deadline that has passed.
    private func late(at now: Int64) -> SocketError {
        let passed = clock.passed(now: now, forRoom: false, received: received)
        return .passed(passed.deadline, limit: passed.limit, .receive, address: peer.description)
    }

    /// Receives until `step` has found something whole: where it lies; `nil` at the end.
    func awaitWhole(_ step: (inout StreamInput) throws(StreamError) -> FrameStep) throws(StreamError) -> FrameExtent? {
        while true {
            switch try step(&core.input) {
            case .frame(let extent): return extent
            case .needsMore(let count): try receive(room: count - core.input.queue.count)
            case .end: return nil
            }
        }
    }
}
