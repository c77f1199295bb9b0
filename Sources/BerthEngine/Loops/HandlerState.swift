internal import BerthFraming
package import BerthSockets

/// What the handler of a connection waits for, for whoever wants to tell people.
package struct HandlerState: Sendable, Hashable {
    /// Nothing when it computes, or awaits something else than its connection.
    package var wait: StreamWait
    /// What has been received and not been read.
    package var unread = 0
    /// What was written and not handed to the kernel.
    package var unsent = 0

    package init(_ wait: StreamWait, unread: Int = 0, unsent: Int = 0) {
        self.wait = wait
        self.unread = unread
        self.unsent = unsent
    }
}

extension LoopCore {
    /// What the handlers of the loop wait for.
    var handlers: [ConnectionID: HandlerState] {
        var result: [ConnectionID: HandlerState] = [:]
        for token in unsafe state.pointee.tokens {
            guard let channel = unsafe state.pointee.channel(token),
                let owner = unsafe channel.pointee.owner?.takeUnretainedValue()
            else { continue }
            let unsent = unsafe channel.pointee.unsent.count + Int(channel.pointee.sending.count)
            let wait: StreamWait =
                switch unsafe channel.pointee.wait {
                case .readable: .reading
                case .sent: .writing
                // Frames are answered without a task: it waits for one or the other.
                default: unsafe channel.pointee.answerer == nil ? .nothing : unsent > 0 ? .writing : .reading
                }
            result[owner.id] = HandlerState(
                wait, unread: unsafe channel.pointee.core.input.queue.count, unsent: unsent)
        }
        return result
    }
}
