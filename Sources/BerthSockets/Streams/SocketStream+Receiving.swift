internal import BerthFraming
internal import BerthSystem

// The parts that all ways to read share.
extension SocketStream {
    /// Receives more bytes, sending what has gathered first, and returns how many; 0 at the end.
    @discardableResult
    func receive(room: Int) throws(StreamError) -> Int {
        if peerFinished || wasInterrupted { return 0 }
        if !output.isEmpty { try send(stallLimit: stallLimit) }
        let number = try fileDescriptor
        if input.isEmpty, input.allocatedCount > Self.receiveSizes.most { input.releaseIfEmpty() }
        // What a peer announced is not believed: memory grows with what has arrived, at most doubling each time.
        let room = max(min(room, max(input.count, Self.receiveSizes.most)), receiveSize)
        // Only between messages: one that has begun may still come to its end.
        let interruption = input.isEmpty && !isWithinFrame ? interruption : nil
        let count: Int?
        do throws(SocketError) {
            count = try receive(number, room: room, interruption)
        } catch { throw .socket(error) }
        guard let count else {
            wasInterrupted = true
            return 0
        }
        if count == 0 { peerFinished = true }
        if count == room, receiveSize < Self.receiveSizes.most { receiveSize *= 2 }
        return count
    }

    /// One receive that waits; `nil` when it was interrupted.
    private func receive(
        _ fd: Int32, room: Int, _ interruption: Interruption?
    ) throws(SocketError) -> Int? {
        let idleDeadline = Deadline.after(idleLimit)
        // The first try may wait in the kernel, for as long as the socket's SO_RCVTIMEO lets it, unless the wait has to
        // be watched from its beginning, or is bounded and there is no SO_RCVTIMEO (any more).
        let isBounded = idleLimit != nil || interruption != nil
        var mayWait = readDeadline == .never && interruption?.isRaised() != true && (!isBounded || patienceSet != nil)
        while true {
            do throws(Errno) {
                return try input.fill(room: room) { (memory) throws(Errno) in
                    let target = unsafe UnsafeMutableRawBufferPointer(rebasing: memory[..<room])
                    // A signal does not start the time anew: the rest is waited for by poll(2).
                    return try unsafe Kernel.receive(fd, into: target, flags: mayWait ? [] : .doNotWait, resumes: false)
                }
            } catch {
                guard error == .wouldBlock || error == .interrupted else {
                    throw SocketError(.receive, address: peer.description, errno: error)
                }
            }
            if mayWait, input.isEmpty {
                // Nothing came for a while: a connection that idles owns no memory.
                input.releaseIfEmpty()
                receiveSize = Self.receiveSizes.least
            }
            guard try wait(fd, idleDeadline, interruption) else { return nil }
            mayWait = false
        }
    }

    /// Waits until there is something to receive; false when the wait was interrupted.
    private func wait(
        _ fd: Int32, _ idleDeadline: Deadline, _ interruption: Interruption?
    ) throws(SocketError) -> Bool {
        var entries = [PollEntry(fd, .readable)]
        if let interruption { entries.append(PollEntry(interruption.descriptor, .readable)) }
        do throws(Errno) {
            if try Kernel.poll(&entries, until: readDeadline.earlier(of: idleDeadline)) > 0 {
                return !entries[0].found.isEmpty
            }
        } catch { throw SocketError(.receive, address: peer.description, errno: error) }
        throw .deadline(
            .receive, address: peer.description, nothingHappened: "byte from the peer",
            within: readDeadline.hasPassed ? nil : idleLimit)
    }

    /// Whether reading ended because of the interruption. Then no codec is asked: to one whose frames end with the stream
    /// it would look like the end of a frame that the peer never sent.
    var isInterrupted: Bool { wasInterrupted && input.isEmpty && !isWithinFrame }

    /// Where the next whole frame of `codec` lies in the buffer, receiving until it is there; `nil` at the end.
    func nextExtent(_ codec: inout some FrameCodec) throws(StreamError) -> FrameExtent? {
        while !isInterrupted {
            switch try step({ (bytes, atEnd) throws(FramingError) in try codec.decode(bytes, atEnd: atEnd) }) {
            case .frame(let extent): return extent
            case .needsMore(let count): try receive(room: count - input.count)
            case .end: return nil
            }
        }
        return nil
    }

    func step<R>(_ body: (RawSpan, _ atEnd: Bool) throws(FramingError) -> R) throws(StreamError) -> R {
        let atEnd = peerFinished || wasInterrupted
        return try decoded { (bytes) throws(FramingError) in try body(bytes, atEnd) }
    }

    func decoded<R>(_ body: (RawSpan) throws(FramingError) -> R) throws(StreamError) -> R {
        do throws(FramingError) { return try withInput(body) } catch { throw .framing(error) }
    }

    /// Calls `body` with the buffered input, in place.
    func withInput<R, E: Error>(_ body: (RawSpan) throws(E) -> R) throws(E) -> R {
        try unsafe input.withUnsafeBytes { (raw) throws(E) in try body(raw.bytes) }
    }

    /// Takes the first `count` bytes, which must have arrived, out of the buffer.
    func take(_ count: Int) -> [UInt8] {
        let bytes = input.withUnsafeBytes { unsafe Array($0.prefix(count)) }
        input.consume(count)
        return bytes
    }
}
