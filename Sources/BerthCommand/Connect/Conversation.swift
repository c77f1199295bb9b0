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
        if case .peerFinished = ending.cause { sender.sendWhatIsThere() }
        ending.sent = sender.sent
        ending.duration = MonotonicTime.now.duration(since: begin)
        // A message that could not be framed made us end the connection: what the receiver saw is only a consequence.
        if let problem = sender.problem, ending.isFine || problem.isFraming { ending.cause = problem }
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
        /// Standard input could not be read, or not be cut into messages.
        case badInput(String)

        var isFraming: Bool {
            if case .failed(.framing) = self { return true }
            return false
        }
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
        case .badInput(let reason): return "cannot read standard input: \(reason); \(figures)"
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
