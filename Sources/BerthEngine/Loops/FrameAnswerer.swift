package import BerthFraming
internal import BerthSockets
package import BerthSystem

/// Answers the frames of one connection without a task: the synchronous form of a handler, which only computes and never
/// waits. What would be the waits of a handler are returns to the loop.
package final class FrameAnswerer {
    package typealias Answer = @Sendable (borrowing BorrowedFrame, ReplyWriter) throws -> Void

    /// Kept alive until the conversation has ended.
    let connection: Connection
    private let answer: Answer
    private let whenEnded: (FrameAnswerer, (any Error)?) -> Void

    /// - Parameter whenEnded: called once, on the loop's thread, when the peer has finished, the service ends, or with the
    ///   error that ended the conversation. The connection is still open then.
    package init(
        _ connection: Connection, answer: @escaping Answer,
        whenEnded: @escaping (_ answerer: FrameAnswerer, (any Error)?) -> Void
    ) {
        self.connection = connection
        self.answer = answer
        self.whenEnded = whenEnded
    }

    /// Begins to answer, on the loop's thread.
    package func start() throws(Errno) {
        guard case .loop(let loop, let side) = connection.transport else { return }
        unsafe side.channel.pointee.answerer = self
        unsafe side.channel.pointee.heedsDrain = true
        unsafe loop.setDeadline(side.channel, connection.idleNanoseconds)
        try unsafe loop.watch(side.channel)
    }

    fileprivate func end(_ channel: UnsafeMutablePointer<Channel>, _ error: (any Error)?) {
        unsafe channel.pointee.answerer = nil
        unsafe channel.pointee.deadline = .max
        whenEnded(self, error)
    }

    /// What has to happen before it can go on.
    fileprivate enum Need {
        case bytes
        case room
        case turn
        case nothing(error: (any Error)?)
    }

    /// Answers what has arrived and goes on receiving until nothing is there.
    fileprivate func goOn(_ loop: EventLoop, _ channel: UnsafeMutablePointer<Channel>) -> Need {
        do {
            while connection.core.output.isOpen {
                if !connection.core.input.queue.isEmpty || connection.core.input.peerFinished {
                    guard try answerWhole() else { return .nothing(error: nil) }
                    if !connection.core.output.isOpen { return .room }
                }
                if !connection.core.output.queue.isEmpty, unsafe !loop.flush(channel) { return .room }
                try connection.core.output.checkNotFailed()
                if unsafe channel.pointee.turn >= Channel.turnLimit { return .turn }
                guard let count = try unsafe received(loop, channel) else { return .bytes }
                if count == 0 { connection.core.input.peerFinished = true }
            }
            return .room
        } catch { return .nothing(error: error) }
    }

    private func received(_ loop: EventLoop, _ channel: UnsafeMutablePointer<Channel>) throws(StreamError) -> Int? {
        do throws(Errno) { return try unsafe loop.receive(channel, room: wanted) } catch {
            throw connection.receiveError(error)
        }
    }

    /// How much more the decoder has asked for.
    private var wanted = 1

    /// Answers all frames that are there; false at the end of the stream.
    private func answerWhole() throws -> Bool {
        let connection = connection
        let writer = ReplyWriter(connection)
        while connection.core.output.isOpen {
            let extent: FrameExtent
            if let there = connection.core.input.layout.frame(in: connection.core.input.queue.bytes) {
                extent = there
            } else if connection.core.input.queue.isEmpty, !connection.core.input.peerFinished {
                wanted = 1
                return true
            } else {
                switch try connection.core.input.nextFrame() {
                case .frame(let found): extent = found
                case .needsMore(let count):
                    wanted = count - connection.core.input.queue.count
                    return true
                case .end: return false
                }
            }
            defer { connection.core.input.queue.consume(extent.consumed) }
            try answer(BorrowedFrame(extent, in: connection.core.input.queue.bytes), writer)
        }
        return true
    }
}

extension EventLoop {
    /// Lets the answerer of a channel go on, or ends it.
    func wakeAnswerer(
        _ channel: UnsafeMutablePointer<Channel>, _ answerer: FrameAnswerer, _ verdict: Channel.Verdict
    ) {
        noteBegin(unsafe channel.pointee.token)
        unsafe attach(channel)
        unsafe channel.pointee.turn = 0
        switch unsafe step(channel, answerer, verdict) {
        case .bytes: unsafe setDeadline(channel, answerer.connection.idleNanoseconds)
        case .room: unsafe setDeadline(channel, answerer.connection.stallNanoseconds)
        case .turn: unsafe state.pointee.turns.append(channel.pointee.token)
        case .nothing(let error): unsafe answerer.end(channel, error)
        }
        noteEnd()
        settle()
    }

    private func step(
        _ channel: UnsafeMutablePointer<Channel>, _ answerer: FrameAnswerer, _ verdict: Channel.Verdict
    ) -> FrameAnswerer.Need {
        let connection = answerer.connection
        let hasUnsent = unsafe !channel.pointee.unsent.isEmpty
        if verdict == .late {
            let error = hasUnsent ? connection.stallError : connection.idleError
            if hasUnsent { unsafe failSending(channel, error) }
            return .nothing(error: StreamError.socket(error))
        }
        if unsafe channel.pointee.isCancelled { return .nothing(error: StreamError.cancelled) }
        if hasUnsent { return .room }
        let need = unsafe answerer.goOn(self, channel)
        // What has arrived is still answered, and a frame that has begun may come to its end.
        if case .bytes = need, unsafe state.pointee.isDraining, connection.core.input.isBetweenMessages {
            connection.core.input.wasInterrupted = true
            return .nothing(error: nil)
        }
        return need
    }
}
