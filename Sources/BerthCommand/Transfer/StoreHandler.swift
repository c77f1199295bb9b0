internal import BerthEngine
internal import BerthFraming
internal import BerthServer
internal import BerthSockets

/// The service `store`: keeps the files that a sender sends; the receiving side of `docs/file-transfer.md`.
///
/// Each connection brings any number of files, one after the other. What goes wrong with one of them is told to the
/// sender in one sentence; the next one is tried all the same, unless the connection is out of step.
struct StoreHandler: ConnectionHandler {
    /// How the messages are framed. The data has the same framing with the limit of its own file.
    static let framing: Framing = .selfCounting64(maximumFrame: ByteCount(TransferMessage.maximumLength))

    private let store: Store
    private let observer: @Sendable (TransferEvent) -> Void
    private var files = 0
    private var failure: String?

    /// A handler that stores into `store`.
    init(_ store: Store, observer: @escaping @Sendable (TransferEvent) -> Void = Self.sayResults) {
        self.store = store
        self.observer = observer
    }

    /// Says on standard error how each file went, and nothing else.
    static let sayResults: @Sendable (TransferEvent) -> Void = { event in
        if case .ended(let result) = event { Talk.say(result.text("received")) }
    }

    mutating func handle(_ connection: Connection) async throws {
        connection.useFraming(Self.framing)
        do {
            while let message = try await next(on: connection, "waiting for a file") {
                guard case .offer(let offer) = message else {
                    throw TransferError(
                        "the sender said \"\(message.word)\" where \"offer\" was due", endsSession: true)
                }
                try await receive(offer, on: connection)
            }
        } catch let error as TransferError {
            failure = error.sentence
            connection.useFraming(Self.framing)
            try? await connection.writeFrame(TransferMessage.failed(reason: error.sentence).encoded)
            await end(connection)
            throw error
        }
        await end(connection)
    }

    mutating func finish(_ connection: Connection, _ outcome: Outcome) async {
        if failure == nil {
            switch outcome {
            case .peerFinished, .finished: break
            default: failure = outcome.description
            }
        }
        observer(.sessionEnded(files: files, failure: failure))
    }

    /// Ends politely. A sender in the middle of its data has up to its send buffer on the way: that is read and thrown
    /// away, so that it gets to see what it was told.
    private func end(_ connection: Connection) async {
        _ = try? await connection.finish(within: .seconds(5), discarding: .mebibytes(64))
    }

    /// Receives one file. Only what ends the session is thrown.
    private mutating func receive(_ offer: FileOffer, on connection: Connection) async throws(TransferError) {
        files += 1
        let file: IncomingFile
        do throws(TransferError) { file = try IncomingFile(offer, in: store) } catch {
            observer(.ended(.init(name: offer.name, size: offer.size, outcome: .failed(error.sentence))))
            return try await say(.refused(reason: error.sentence), on: connection)
        }
        do throws(TransferError) {
            try await say(file.answer, on: connection)
            try await takeData(file, connection)
            guard let message = try await next(on: connection, "waiting for the digest") else {
                throw file.cut("the sender went away")
            }
            let (reply, result) = try file.end(message)
            observer(.ended(result))
            if let reply { try await say(reply, on: connection) }
        } catch {
            observer(.ended(file.result(.failed(error.sentence))))
            throw error
        }
    }

    /// Receives the frame of the data.
    private func takeData(_ file: IncomingFile, _ connection: Connection) async throws(TransferError) {
        connection.useFraming(.selfCounting64(maximumFrame: ByteCount(Int(file.offer.size))))
        defer { connection.useFraming(Self.framing) }
        let usualLimit = connection.idleLimit
        let hasCome: Bool
        do {
            // The sender first reads what we have already, to compare it.
            if let usualLimit { try connection.setIdleLimit(max(usualLimit, TransferPatience.work(on: file.offset))) }
            hasCome = try await connection.readFrame(
                begin: { _, count in
                    try file.begin(count ?? 0)
                    try connection.setIdleLimit(usualLimit)
                    observer(
                        .began(name: file.offer.name, size: file.offer.size, offset: file.offset, note: file.note))
                },
                chunk: { bytes in
                    try file.take(bytes)
                    observer(.advanced(position: file.position))
                })
        } catch let error as StreamError {
            throw file.cut(Self.reason(error))
        } catch {
            file.giveUp()
            throw TransferError("\(error)", endsSession: true)
        }
        if !hasCome { throw file.cut("the sender went away") }
    }

    /// Why a connection broke within the data, as the beginning of a sentence.
    private static func reason(_ error: StreamError) -> String {
        switch error {
        case .framing(let error):
            if case .truncated = error.code {
                "the sender went away"
            } else {
                "the sender broke the protocol (\(error))"
            }
        case .socket(let error):
            error.isDeadline ? "the sender fell silent" : "the connection broke (\(error))"
        case .ended: "the connection was ended"
        case .cancelled: "the transfer was cancelled"
        }
    }

    private func say(_ message: TransferMessage, on connection: Connection) async throws(TransferError) {
        do throws(StreamError) {
            try await connection.writeFrame(message.encoded)
            try await connection.flush()
        } catch { throw TransferError(error, while: "answering the sender") }
    }

    private func next(
        on connection: Connection, _ what: String
    ) async throws(TransferError) -> TransferMessage? {
        let frame: Frame?
        do throws(StreamError) { frame = try await connection.readFrame() } catch {
            throw TransferError(error, while: what)
        }
        guard let frame else { return nil }
        return try TransferMessage(parsing: frame.body)
    }
}
