internal import BerthFraming
internal import BerthSockets
internal import BerthSystem

/// Carries a channel to the loop's thread.
///
/// Unchecked: whoever carries it leaves what it points to to the loop.
struct LoopSide: @unchecked Sendable {
    let channel: UnsafeMutablePointer<Channel>
}

// The channels of a loop, from the first to the last moment. All on the loop's thread.
extension LoopCore {
    /// Makes a channel for a connected socket, whose descriptor it owns from now on. It is not watched yet.
    func makeChannel(_ descriptor: consuming Descriptor, framing: SharedFraming) -> UnsafeMutablePointer<Channel> {
        let token = unsafe state.pointee.takeSlot()
        let channel = UnsafeMutablePointer<Channel>.allocate(capacity: 1)
        unsafe channel.initialize(to: Channel(descriptor: descriptor.release(), framing: framing, token: token))
        unsafe state.pointee.setChannel(channel, token)
        unsafe state.pointee.channelCount += 1
        return unsafe channel
    }

    /// EPOLLIN, EPOLLRDHUP and EPOLLET: made of a list of them, it would be one for each connection.
    private static var arrivals: EpollEvents { EpollEvents(rawValue: 0x1 | 0x2000 | 1 << 31) }

    /// Has epoll tell what happens to a channel, what has happened already included.
    func watch(_ channel: UnsafeMutablePointer<Channel>) throws(Errno) {
        unsafe channel.pointee.isReadable = false
        let token = unsafe channel.pointee.token
        try unsafe state.pointee.epoll.add(
            channel.pointee.descriptor, Self.arrivals, token: token)
        unsafe channel.pointee.isWatched = true
    }

    /// Ends that. Closing the descriptor would as well, unless somebody else has the socket too.
    func unwatch(_ channel: UnsafeMutablePointer<Channel>) {
        guard unsafe channel.pointee.isWatched else { return }
        unsafe channel.pointee.isWatched = false
        unsafe channel.pointee.watchesRoom = false
        try? unsafe state.pointee.epoll.remove(channel.pointee.descriptor)
    }

    /// Takes the descriptor out of a channel, which is nothing but memory from then on.
    func release(_ channel: UnsafeMutablePointer<Channel>, closing: Bool) -> Descriptor? {
        let number = unsafe channel.pointee.descriptor
        guard number >= 0 else { return nil }
        unsafe forgetRing(channel)
        // What is only closed leaves epoll by that; a late event finds no channel.
        if !closing { unsafe unwatch(channel) }
        unsafe takeBuffersBack(channel)
        unsafe channel.pointee.descriptor = -1
        unsafe state.pointee.timers.cancel(&channel.pointee.timer)
        unsafe state.pointee.freeSlot(channel.pointee.token)
        unsafe channel.pointee.unsent = ByteQueue()
        unsafe channel.pointee.forgetAnswerer()
        return Descriptor(owning: number)
    }

    /// Takes the shared buffers back from a channel that is ended; nothing is sent.
    private func takeBuffersBack(_ channel: UnsafeMutablePointer<Channel>) {
        guard unsafe state.pointee.attached == channel else { return }
        unsafe channel.pointee.core.output.queue.removeAll()
        settle()
    }

    /// Gives the memory of a channel back.
    func free(_ channel: UnsafeMutablePointer<Channel>) {
        _ = unsafe release(channel, closing: true)
        unsafe state.pointee.channelCount -= 1
        unsafe channel.deinitialize(count: 1)
        unsafe channel.deallocate()
    }
}
