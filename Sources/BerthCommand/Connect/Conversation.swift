internal import BerthFraming
internal import BerthSockets
internal import BerthSystem

/// Standard input to a connection, the connection to standard output, both at once.
///
/// Two threads with a descriptor each, so that neither direction waits for the other: a service that sends much before
/// it reads cannot lock up.
struct Conversation: ~Copyable {
    private let socket: TCPSocket
    private let framing: Framing?

    init(socket: consuming TCPSocket, framing: Framing?) {
        self.socket = socket
        self.framing = framing
    }

    /// Talks until the service ends, or sending to it fails.
    func run() throws -> ConversationEnding {
        let begin = MonotonicTime.now
        let sender = InputSender()
        try sender.start(on: try socket.duplicate(), framing: framing)
        let receiving = SocketStream(try socket.duplicate(), framing: framing ?? .raw)
        var ending = ConversationEnding(cause: .peerFinished)
        do {
            try printAll(from: receiving, &ending.received)
        } catch {
            ending.cause = .failed(error)
        }
        ending.sent = sender.sent
        ending.duration = MonotonicTime.now.duration(since: begin)
        if case .peerFinished = ending.cause, let failure = sender.failure { ending.cause = .failed(failure) }
        return ending
    }

    private func printAll(from stream: SocketStream, _ received: inout Int) throws(StreamError) {
        var output = StandardOutput()
        if framing == nil {
            while true {
                let bytes = try stream.read(upTo: 1 << 16)
                if bytes.isEmpty { return }
                received += bytes.count
                try output.write(bytes)
            }
        }
        while let frame = try stream.readFrame() {
            received += frame.body.count
            try output.write(frame.head + frame.body + [UInt8(ascii: "\n")])
        }
    }
}

/// How a conversation ended.
struct ConversationEnding {
    enum Cause {
        case peerFinished
        case failed(StreamError)
    }

    var cause: Cause
    var sent = 0
    var received = 0
    var duration: Duration = .zero

    var isFine: Bool {
        if case .peerFinished = cause { return true }
        return false
    }

    var description: String {
        let figures = "sent \(ByteCount(sent)), received \(ByteCount(received)), \(duration.short)"
        switch cause {
        case .peerFinished: return "the peer finished (FIN); \(figures)"
        case .failed(.socket(let error)) where error.errno == .connectionReset:
            return "the peer reset the connection (RST): it closed without reading everything, or refused; \(figures)"
        case .failed(let error): return "\(error); \(figures)"
        }
    }
}

/// Standard output as an unbuffered stream, so that a pipe sees each message at once.
private struct StandardOutput {
    mutating func write(_ bytes: [UInt8]) throws(StreamError) {
        let failure: Errno? = unsafe bytes.withUnsafeBytes { raw in
            do throws(Errno) {
                try unsafe Kernel.writeAll(1, raw)
                return nil
            } catch { return error }
        }
        if let failure { throw .socket(SocketError(.send, address: "standard output", errno: failure)) }
    }
}

/// The thread that sends standard input.
private final class InputSender: Sendable {
    private let state = Monitor<(sent: Int, failure: StreamError?)>((0, nil))

    var sent: Int { state.withLock { $0.sent } }
    var failure: StreamError? { state.withLock { $0.failure } }

    func start(on socket: consuming TCPSocket, framing: Framing?) throws {
        let peer = socket.peer
        let descriptor = socket.detach().release()
        try Thread.start(name: "berth-stdin") { [self] in
            let stream = SocketStream(
                TCPSocket(descriptor: Descriptor(owning: descriptor), peer: peer), framing: framing ?? .raw)
            do {
                try send(on: stream, framed: framing != nil)
                try stream.finishSending()
            } catch let error as StreamError {
                state.withLock { $0.failure = error }
                // The other thread may wait for an answer that cannot come any more.
                stream.abort()
            } catch {
                Talk.say("cannot read standard input: \(error)")
                try? stream.finishSending()
            }
        }
    }

    private func send(on stream: SocketStream, framed: Bool) throws {
        var lines = Lines(ending: .either, maximumLine: .unlimited)
        var input = ByteQueue()
        while true {
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
