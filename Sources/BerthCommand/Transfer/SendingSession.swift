internal import BerthFraming
internal import BerthSockets
internal import BerthSystem
internal import Crypto

/// The sending side of `docs/file-transfer.md`: any number of files on one connection.
final class SendingSession {
    let stream: SocketStream
    let observer: (TransferEvent) -> Void
    /// Whether transfers that were cut are continued.
    let resumes: Bool

    init(_ socket: consuming TCPSocket, resumes: Bool, observer: @escaping (TransferEvent) -> Void) {
        // sendfile(2) knows no MSG_DONTWAIT, and must not wait where the receiver's word cannot be heard.
        try? socket.setNonBlocking(true)
        stream = SocketStream(socket, framing: StoreHandler.framing)
        stream.stallLimit = TransferPatience.plain
        self.resumes = resumes
        self.observer = observer
    }

    /// Sends one file, and reports how it went.
    ///
    /// - Returns: whether the connection can carry another one.
    func send(_ source: SourceFile) -> Bool {
        let start = MonotonicTime.now
        var result = TransferResult(name: source.name.text, size: source.size, outcome: .failed(""))
        var canGoOn = true
        do throws(TransferError) {
            let digest = try transfer(source, &result.offset)
            result.outcome = .stored(digest)
        } catch {
            result.outcome = .failed(error.sentence)
            canGoOn = !error.endsSession
        }
        result.duration = MonotonicTime.now.duration(since: start)
        observer(.ended(result))
        return canGoOn
    }

    /// Ends the connection: everything was answered, so that nothing is lost.
    func end() { _ = try? stream.finish() }

    private func transfer(_ source: SourceFile, _ offset: inout Int64) throws(TransferError) -> FileDigest {
        try say(.offer(FileOffer(name: source.name.text, size: source.size, wantsResume: resumes)))
        var hash = SHA256()
        var note: String?
        switch try next("waiting for the receiver's answer", TransferPatience.work(on: source.size)) {
        case .refused(let reason), .failed(let reason): throw TransferError("the receiver refused it: \(reason)")
        case .accepted(0, _): break
        case .accepted(let theirs, let prefix):
            guard resumes, theirs <= source.size, let prefix else {
                throw TransferError(
                    "the receiver wants to continue at byte \(theirs), which was not offered", endsSession: true)
            }
            if try Self.digest(of: source, upTo: theirs, &hash) == prefix {
                offset = theirs
            } else {
                note = "what the receiver has is not the beginning of this file; sending it from its beginning"
                hash = SHA256()
            }
        case let other: throw violation(other, due: "accepted")
        }
        observer(.began(name: source.name.text, size: source.size, offset: offset, note: note))
        let digest = try sendData(of: source, from: offset, continuing: hash)
        if let change = source.change {
            try say(.withdrawn(reason: change))
            throw TransferError(change)
        }
        try say(.digest(digest))
        switch try next("waiting for the receiver's verdict", TransferPatience.work(on: source.size)) {
        case .stored(digest): return digest
        case .stored: throw TransferError("the receiver stored something else: its SHA-256 differs", endsSession: true)
        case .failed(let reason): throw TransferError("the receiver could not store it: \(reason)")
        case let other: throw violation(other, due: "stored")
        }
    }

    /// The digest of the first `count` bytes of the file, which are taken into `hash`.
    private static func digest(
        of source: SourceFile, upTo count: Int64, _ hash: inout SHA256
    ) throws(TransferError) -> FileDigest? {
        do throws(Errno) {
            let reached = try hash.update(file: source.file.rawValue, 0..<count)
            return reached == count ? FileDigest(hash) : nil
        } catch { throw TransferError("cannot read \"\(source.path)\": \(error)", endsSession: true) }
    }

    private func say(_ message: TransferMessage) throws(TransferError) {
        do throws(StreamError) {
            try stream.writeFrame(message.encoded)
            try stream.flush()
        } catch { throw lastWord() ?? TransferError(error, while: "sending \"\(message.word)\"") }
    }

    func next(_ what: String, _ patience: Duration) throws(TransferError) -> TransferMessage {
        let frame: Frame?
        do throws(StreamError) {
            try stream.setIdleLimit(patience)
            frame = try stream.readFrame()
        } catch { throw TransferError(error, while: what) }
        guard let frame else { throw TransferError("the receiver went away while \(what)", endsSession: true) }
        return try TransferMessage(parsing: frame.body)
    }

    /// Why the receiver ended the connection, when it said so before: an error of sending alone would only tell that
    /// it did.
    func lastWord() -> TransferError? {
        guard case .failed(let reason)? = try? next("asking why", .milliseconds(200)) else { return nil }
        return TransferError("the receiver could not store it: \(reason)", endsSession: true)
    }

    func violation(_ message: TransferMessage, due word: String) -> TransferError {
        if case .failed(let reason) = message {
            return TransferError("the receiver could not store it: \(reason)", endsSession: true)
        }
        return TransferError("the receiver said \"\(message.word)\" where \"\(word)\" was due", endsSession: true)
    }
}
