internal import BerthFraming
internal import BerthSockets
internal import BerthSystem

// Who has the loop's two buffers: the handler that runs. When it stops to run, what is left is put aside, so that a
// connection that waits owns no memory unless a part of a message has arrived, or the peer does not read.
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
    func lendInput(_ channel: UnsafeMutablePointer<Channel>) {
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
    func takeInputBack(_ channel: UnsafeMutablePointer<Channel>, room: Int) {
        unsafe state.pointee.isInputLent = false
        let count = unsafe channel.pointee.core.input.queue.count
        unsafe swap(&channel.pointee.core.input.queue, &state.pointee.input)
        unsafe channel.pointee.core.input.queue.reserve(count + room)
        unsafe channel.pointee.core.input.queue.append(state.pointee.input.bytes)
        unsafe state.pointee.input.removeAll()
    }
}
