internal import BerthFraming
internal import BerthSockets
internal import BerthSystem

// Waits that end when the task is cancelled. A server's own connections need none of this: whoever cancels their handlers
// cuts them as well.
extension EventLoop {
    /// Parks until what a channel waits for has come, its time is over, or the task is cancelled. On the loop's thread.
    @inline(never)
    func waitUnlessCancelled(
        _ channel: UnsafeMutablePointer<Channel>, _ wait: Channel.Wait
    ) async throws(StreamError) {
        if Task.isCancelled { throw .cancelled }
        let token = unsafe channel.pointee.token
        await withTaskCancellationHandler {
            // Within: the next who comes to the parking spot is taken for this one.
            if let spot = unsafe core.beginWait(channel, wait) { await spot.park() }
        } onCancel: {
            nudge(token)
        }
        if wait == .connected {
            unsafe core.endWaitToConnect(channel)
        } else {
            try unsafe core.endWait(channel, wait)
        }
        if Task.isCancelled { throw .cancelled }
    }

    /// Ends the present wait of a channel without what it waits for; whoever waits looks again. From any thread.
    private func nudge(_ token: UInt64) { call { [core] in core.nudge(token) } }
}

extension LoopCore {
    fileprivate func nudge(_ token: UInt64) {
        guard let channel = unsafe state.pointee.channel(token), unsafe channel.pointee.wait != .nothing else { return }
        unsafe resume(channel, .ready)
    }

    /// A connect looks at its sockets and its time, whatever woke it.
    fileprivate func endWaitToConnect(_ channel: UnsafeMutablePointer<Channel>) {
        unsafe channel.pointee.wait = .nothing
        unsafe state.pointee.parking = nil
    }
}

// On a thread that blocks.
extension Connection {
    /// Receives more bytes. Cancelling the task cuts the connection.
    func receiveUnlessCancelled(_ stream: SocketStream, room: Int) async throws(StreamError) -> Int {
        if Task.isCancelled { throw .cancelled }
        let result = await cutWhenCancelled(try stream.fileDescriptor) { () throws(StreamError) in
            try stream.receive(room: room)
        }
        if Task.isCancelled { throw .cancelled }
        return try result.get()
    }

    /// Sends what has gathered. Cancelling the task cuts the connection.
    func flushUnlessCancelled(_ stream: SocketStream) async throws(StreamError) {
        if core.output.queue.isEmpty { return try stream.flush() }
        if Task.isCancelled { return try flushWithoutWaiting(stream) }
        let result = await cutWhenCancelled(try stream.fileDescriptor) { () throws(StreamError) in try stream.flush() }
        if Task.isCancelled, case .failure = result { throw .cancelled }
        try result.get()
    }

    private func flushWithoutWaiting(_ stream: SocketStream) throws(StreamError) {
        let usual = stream.stallLimit
        stream.stallLimit = .zero
        defer { stream.stallLimit = usual }
        do throws(StreamError) { try stream.flush() } catch {
            if case .socket(let failure) = error, failure.isDeadline { throw .cancelled }
            throw error
        }
    }

    private func cutWhenCancelled<R>(
        _ descriptor: Int32, _ body: () throws(StreamError) -> R
    ) async -> Result<R, StreamError> {
        // The descriptor is open for as long as `body` uses it, and then nobody cuts it any more: a handler of a
        // cancellation does not run beyond its scope.
        await withTaskCancellationHandler {
            do throws(StreamError) { return .success(try body()) } catch { return .failure(error) }
        } onCancel: {
            TCPSocket.cut(descriptor)
        }
    }
}
