internal import BerthFraming
internal import BerthSockets
internal import BerthSystem

/// The thread that sends standard input.
final class InputSender: Sendable {
    private struct State {
        var sent = 0
        var problem: ConversationEnding.Cause?
        /// How often input was taken.
        var rounds = 0
        /// Whether all input that was taken has been handed to the kernel, and more is waited for.
        var isWaiting = false
        var isDone = false
    }

    private let state = Monitor(State())

    /// The bytes sent so far, without what the framing adds.
    var sent: Int { state.withLock { $0.sent } }

    /// Why not everything was sent, if so.
    var problem: ConversationEnding.Cause? { state.withLock { $0.problem } }

    func start(on socket: consuming TCPSocket, framing: Framing?) throws {
        let peer = socket.peer
        let descriptor = socket.detach().release()
        try Thread.start(name: "berth-stdin") { [self] in
            let stream = SocketStream(
                TCPSocket(descriptor: Descriptor(owning: descriptor), peer: peer), framing: framing ?? .raw)
            let problem = run(on: stream, framed: framing != nil)
            state.change {
                $0.problem = problem
                $0.isDone = true
            }
            // Only now: the other thread, which may wait for an answer that cannot come any more, finds the reason.
            if case .failed? = problem { stream.abort() }
        }
    }

    /// Waits until the input was sent, up to its end or a pause. For a peer that has finished first: it may have closed
    /// only its half, and what was typed or piped in is not to be lost. Nobody waits for a person to go on typing.
    func sendWhatIsThere() {
        let pause = Terminal(0).isTerminal ? .milliseconds(10) : Self.pause
        while true {
            let rounds = state.withLock { $0.rounds }
            let isDone = state.wait(until: .after(pause)) { state in
                state.isDone ? true : state.rounds == rounds ? nil : false
            }
            if isDone == true { return }
            if isDone == nil, state.withLock({ $0.isWaiting && !Self.isInputThere }) { return }
        }
    }

    /// As long as socat(1) gives the other direction when one has ended.
    private static let pause: Duration = .milliseconds(500)

    private static var isInputThere: Bool {
        guard let found = try? Kernel.wait(for: .readable, on: 0, until: .after(.zero)) else { return false }
        return !found.isEmpty
    }

    /// Sends everything, then our end.
    private func run(on stream: SocketStream, framed: Bool) -> ConversationEnding.Cause? {
        do {
            try send(on: stream, framed: framed)
            try stream.finishSending()
            return nil
        } catch let error as StreamError {
            return .failed(error)
        } catch {
            // The peer may still answer what it has got.
            try? stream.finishSending()
            return .badInput("\(error)")
        }
    }

    private func send(on stream: SocketStream, framed: Bool) throws {
        var lines = Lines(ending: .either, maximumLine: .unlimited)
        var input = ByteQueue()
        while true {
            // Apart from reading, so that whoever sees it waiting knows that no input is on its way.
            state.change { $0.isWaiting = true }
            _ = try Kernel.wait(for: .readable, on: 0, until: .never)
            state.change {
                $0.isWaiting = false
                $0.rounds += 1
            }
            let count = try input.fill(room: 1 << 16) { (memory) throws(Errno) in
                try unsafe Kernel.read(0, into: memory)
            }
            if framed {
                while case .frame(let line) = try lines.decode(input, atEnd: count == 0) {
                    try stream.writeFrame(input.bytes.extracting(line.body))
                    state.withLock { $0.sent += line.body.count }
                    input.consume(line.consumed)
                }
            } else {
                try stream.write(input.bytes)
                state.withLock { $0.sent += input.count }
                input.removeAll()
            }
            try stream.flush()
            if count == 0 { return }
        }
    }
}
