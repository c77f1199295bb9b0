internal import BerthSystem

extension LoadLoop {
    /// Sends what a slot was granted, many messages with one call. Leaves the rest for when there is room.
    mutating func send(_ slot: UnsafeMutablePointer<LoadSlot>) {
        while unsafe slot.pointee.sent < slot.pointee.granted {
            let wanted: Int
            let taken: Int
            do throws(Errno) {
                if layout.count <= Self.bufferSize / 2 {
                    wanted = unsafe gather(slot)
                    let bytes = unsafe UnsafeRawBufferPointer(start: output + slot.pointee.sentPart, count: wanted)
                    taken = try unsafe Kernel.send(slot.pointee.descriptor, bytes)
                } else {
                    wanted = unsafe layout.count - slot.pointee.sentPart
                    taken = try unsafe sendLarge(slot)
                }
            } catch .wouldBlock {
                return
            } catch {
                unsafe fail(slot, LoadFailure(ofConnection: error), "cannot send: \(error)")
                return
            }
            let progress = unsafe slot.pointee.sentPart + taken
            unsafe slot.pointee.sent &+= UInt64(progress / layout.count)
            unsafe slot.pointee.sentPart = progress % layout.count
            if taken < wanted { return }
        }
        if plan.isHalfClosing, unsafe slot.pointee.granted > slot.pointee.received {
            try? unsafe Kernel.shutdown(slot.pointee.descriptor, .writing)
        }
    }

    /// Writes the messages that are granted into the output; returns how many bytes of them are to be sent.
    @inline(__always)
    private func gather(_ slot: UnsafeMutablePointer<LoadSlot>) -> Int {
        let connection = unsafe slot.pointee.connection
        let shift = MessageLayout.shift(connection: connection)
        var message = unsafe slot.pointee.sent
        var count = 0
        while unsafe message < slot.pointee.granted, count + layout.count <= Self.bufferSize {
            let tag = MessageLayout.tag(connection: connection, message: message)
            unsafe layout.write(tag, shift: shift, to: output + count)
            message &+= 1
            count += layout.count
        }
        return unsafe count - slot.pointee.sentPart
    }

    /// Sends from where the parts of a message are, without copying its fill.
    private func sendLarge(_ slot: UnsafeMutablePointer<LoadSlot>) throws(Errno) -> Int {
        let connection = unsafe slot.pointee.connection
        unsafe layout.writeHead(
            MessageLayout.tag(connection: connection, message: slot.pointee.sent), to: output)
        var skipped = unsafe slot.pointee.sentPart
        func rest(_ start: UnsafeRawPointer, _ count: Int) -> UnsafeRawBufferPointer {
            let skip = min(skipped, count)
            skipped -= skip
            return unsafe UnsafeRawBufferPointer(start: start + skip, count: count - skip)
        }
        let head = unsafe rest(output, layout.headCount)
        let shift = MessageLayout.shift(connection: connection)
        let fill = unsafe rest(layout.fill + shift, layout.fillCount)
        let suffix = unsafe rest(layout.suffix, layout.suffixCount)
        return try unsafe Kernel.send(slot.pointee.descriptor, head, fill, suffix)
    }

    /// Receives and checks what is there; returns whether the connection goes on.
    mutating func receive(_ slot: UnsafeMutablePointer<LoadSlot>, toTheEnd: Bool) -> Bool {
        while true {
            let count: Int
            do throws(Errno) {
                count = try unsafe Kernel.receive(
                    slot.pointee.descriptor, into: UnsafeMutableRawBufferPointer(start: input, count: Self.bufferSize))
            } catch .wouldBlock {
                return true
            } catch {
                unsafe fail(slot, LoadFailure(ofConnection: error), "\(error)")
                return false
            }
            // One look at the clock for all that came with one receive, and for what is sent because of it.
            now = MonotonicTime.now.nanoseconds
            if count == 0 {
                let waiting = unsafe slot.pointee.granted &- slot.pointee.received
                unsafe fail(
                    slot, .closedEarly,
                    "the peer finished (FIN) with \(Amount.count(Int(waiting), "reply", "replies")) owed")
                return false
            }
            let before = unsafe slot.pointee.received
            guard unsafe check(slot, count) else { return false }
            let complete = unsafe slot.pointee.received &- before
            unsafe slot.pointee.progressAt = now
            if now >= begin, now < end {
                counts.replies &+= Int(truncatingIfNeeded: complete)
                counts.bytes &+= count
            }
            if complete > 0 {
                unsafe slot.pointee.failures = 0
                if plan.isChurning {
                    unsafe self.complete(slot)
                    return false
                }
                if schedule != nil { unsafe enqueue(slot) }
            }
            // Less than there was room for means that there was no more (`man 7 epoll`, question 9), but a FIN that
            // came with it makes no further event.
            if count < Self.bufferSize, !toTheEnd { return true }
        }
    }

    /// Compares `count` bytes of the input with the replies that are due, and counts those that are complete.
    @inline(__always)
    private mutating func check(_ slot: UnsafeMutablePointer<LoadSlot>, _ count: Int) -> Bool {
        let connection = unsafe slot.pointee.connection
        let shift = MessageLayout.shift(connection: connection)
        var position = 0
        while position < count {
            let message = unsafe slot.pointee.received
            let tag = MessageLayout.tag(connection: connection, message: message)
            let offset = unsafe slot.pointee.receivedPart
            let part = min(layout.count - offset, count - position)
            // Only bytes that were sent can have come back.
            let isDue = unsafe message < slot.pointee.sent || offset + part <= slot.pointee.sentPart
            let bytes = unsafe input + position
            let isRight =
                part == layout.count
                ? unsafe layout.isMessage(tag, shift: shift, at: bytes)
                : unsafe layout.isPart(tag, shift: shift, from: offset, at: bytes, count: part)
            guard isDue, isRight else {
                unsafe failCheck(slot, isDue: isDue, at: position, count: count)
                return false
            }
            position += part
            if offset + part < layout.count {
                unsafe slot.pointee.receivedPart = offset + part
                return true
            }
            unsafe slot.pointee.receivedPart = 0
            unsafe slot.pointee.received = message &+ 1
            let stamp = unsafe slot.pointee.stamps[Int(truncatingIfNeeded: message & stampMask)]
            if stamp >= begin, stamp < end { buckets.record(now &- stamp) }
        }
        return true
    }

    private mutating func failCheck(
        _ slot: UnsafeMutablePointer<LoadSlot>, isDue: Bool, at position: Int, count: Int
    ) {
        let shown = unsafe UnsafeRawBufferPointer(start: input + position, count: min(16, count - position))
        let text = unsafe Escapes.text(of: Array(shown))
        let (message, offset) = unsafe (slot.pointee.received, slot.pointee.receivedPart)
        let complaint =
            isDue
            ? "message \(message) from byte \(offset) on is not what was sent: \"\(text)\""
            : "bytes that answer nothing: \"\(text)\""
        unsafe fail(slot, .wrongBytes, complaint)
    }
}
