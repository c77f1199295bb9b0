package import BerthFraming
package import BerthSockets
internal import BerthSystem

/// Answers the frames of one connection without a task: the synchronous form of a handler, which only computes and never
/// waits. What would be the waits of a handler are returns to the loop.
package final class FrameAnswerer {
    package typealias Answer = @Sendable (borrowing BorrowedFrame, ReplyWriter) throws -> Void

    /// Kept alive until the conversation has ended.
    let connection: Connection
    private let writer: ReplyWriter
    private let answer: Answer
    private let whenEnded: (Connection, (any Error)?) -> Void

    /// - Parameter whenEnded: called once, on the loop's thread, when the peer has finished, the service ends, or with the
    ///   error that ended the conversation. The connection is still open then.
    package init(
        _ connection: Connection, answer: @escaping Answer,
        whenEnded: @escaping (_ connection: Connection, (any Error)?) -> Void
    ) {
        self.connection = connection
        writer = ReplyWriter(connection)
        self.answer = answer
        self.whenEnded = whenEnded
    }

    /// Begins to answer, on the loop's thread.
    package func start() throws(StreamError) {
        guard let channel = unsafe connection.channel else { return }
        unsafe channel.pointee.answerer = Unmanaged.passRetained(self)
        unsafe connection.loop.setDeadline(channel, for: .readable)
        do throws(StreamError) {
            try connection.serve()
            if unsafe channel.pointee.ringPart == .ready { unsafe connection.loop.receiveByRing(channel) }
        } catch {
            unsafe channel.pointee.forgetAnswerer()
            throw error
        }
    }

    /// Ends the conversation. The caller holds this object, which the channel forgets.
    fileprivate func end(_ channel: UnsafeMutablePointer<Channel>, _ error: (any Error)?) {
        unsafe channel.pointee.deadline = .max
        unsafe channel.pointee.forgetAnswerer()
        whenEnded(connection, error)
    }

    /// Answers what is there, receiving until there is nothing. What it has to wait for then; `nil` at the end of the
    /// stream.
    fileprivate func goOn(
        _ loop: LoopCore, _ channel: UnsafeMutablePointer<Channel>, _ arrived: UnsafeRawBufferPointer?
    ) throws -> Channel.Wait? {
        if try unsafe loop.answerArrived(channel, arrived, { try answer(BorrowedFrame(body: $0), writer) }) == true {
            // Sent at once, so that what comes of it is known before the wait. The ring tells in time.
            if unsafe !channel.pointee.core.output.queue.isEmpty, unsafe channel.pointee.ringPart == .nothing {
                unsafe loop.flush(channel)
            }
            if unsafe channel.pointee.unsent.isEmpty && channel.pointee.sendFailure == nil { return .readable }
        }
        // A peer that does not take its replies is not read from.
        while unsafe channel.pointee.core.output.isOpen {
            if let there = unsafe channel.pointee.core.input.layout.take(from: &channel.pointee.core.input.queue) {
                // It lies where it is until more is received.
                let body = unsafe RawSpan(
                    _unsafeStart: there.baseAddress.unsafelyUnwrapped, byteCount: there.count)
                try answer(BorrowedFrame(body: body), writer)
                continue
            }
            let wait = try unsafe loop.findFrame(channel)
            if wait != .nothing { return wait }
            if unsafe channel.pointee.core.input.found.isNone { return nil }
            // What a layout finds is taken above.
            if unsafe channel.pointee.core.input.layout.isNone { try answerFound() }
        }
        return .sent
    }

    /// Answers the frame that was found, of which the codec itself had to be asked.
    private func answerFound() throws {
        let connection = connection
        let found = connection.core.input.found
        defer { connection.core.input.queue.consume(found.consumed) }
        try answer(BorrowedFrame(found, in: connection.core.input.queue.bytes), writer)
    }
}

extension LoopCore {
    /// Lets the answerer of a channel go on, or ends it.
    func wakeAnswerer(
        _ channel: UnsafeMutablePointer<Channel>, _ answerer: Unmanaged<FrameAnswerer>, _ verdict: Channel.Verdict,
        _ arrived: UnsafeRawBufferPointer? = nil
    ) {
        noteBegin(unsafe channel.pointee.token)
        unsafe attachOutput(channel)
        unsafe channel.pointee.turn = 0
        do {
            if let wait = try unsafe step(channel, answerer, verdict, arrived) {
                unsafe prepare(channel, for: wait)
            } else {
                unsafe answerer.takeUnretainedValue().end(channel, nil)
            }
        } catch {
            unsafe answerer.takeUnretainedValue().end(channel, error)
        }
        noteEnd()
        settle()
    }

    /// What the answerer has to wait for; `nil` when the conversation is over.
    private func step(
        _ channel: UnsafeMutablePointer<Channel>, _ answerer: Unmanaged<FrameAnswerer>, _ verdict: Channel.Verdict,
        _ arrived: UnsafeRawBufferPointer?
    ) throws -> Channel.Wait? {
        let hasUnsent = unsafe !channel.pointee.unsent.isEmpty
        if verdict == .late { throw StreamError.socket(unsafe giveUp(channel, sending: hasUnsent)) }
        if unsafe channel.pointee.isCancelled { throw StreamError.cancelled }
        if hasUnsent { return .sent }
        // The channel holds it until it is ended.
        let wait = try unsafe answerer._withUnsafeGuaranteedRef { try unsafe $0.goOn(self, channel, arrived) }
        if wait == .turn, unsafe channel.pointee.clock.isOver(now: state.pointee.now) {
            throw StreamError.socket(unsafe giveUp(channel, sending: false))
        }
        // What has arrived is answered, and a frame that has begun may come to its end.
        if wait == .readable, unsafe state.pointee.isDraining, unsafe isTold(channel) {
            unsafe channel.pointee.core.input.wasInterrupted = true
            return nil
        }
        return wait
    }

    private func prepare(_ channel: UnsafeMutablePointer<Channel>, for wait: Channel.Wait) {
        switch wait {
        case .turn: unsafe state.pointee.turns.append(channel.pointee.token)
        default: unsafe setDeadline(channel, for: wait)
        }
    }
}
