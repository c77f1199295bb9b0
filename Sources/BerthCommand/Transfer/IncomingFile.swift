internal import BerthSystem
internal import Crypto

/// One file on its way in: from its offer to its verdict, without the connection it comes from.
final class IncomingFile {
    let offer: FileOffer
    let name: TransferName
    /// From where on the data comes: what the answer said, or 0 when the sender knows better.
    private(set) var offset: Int64
    /// Why an earlier transfer is not continued although that was wished for.
    private(set) var note: String?

    private let part: PartialFile
    private var worker: DigestWorker
    private let start = MonotonicTime.now

    /// Checks the offer against `store`, and opens and locks the file. The name is free or may be replaced then.
    ///
    /// With an earlier transfer to continue this reads all of it, to tell the sender its digest.
    init(_ offer: FileOffer, in store: Store) throws(TransferError) {
        self.offer = offer
        name = try TransferName(offer.name)
        let existing = try store.existing(name)
        // Once without the partial file, so that nothing is made for an offer that is refused anyway.
        _ = try Store.decide(
            offer, .init(existing: existing), overwrites: store.overwrites, maximumFile: store.maximumFile)
        part = try PartialFile(name, in: store)
        do throws(TransferError) {
            let size = try part.size
            offset = try Store.decide(
                offer, .init(existing: existing, partial: size, freeSpace: part.freeSpace),
                overwrites: store.overwrites, maximumFile: store.maximumFile)
            if offset == 0, offer.wantsResume {
                note = size == 0 ? "there is nothing to continue" : "\(name.part) is longer than the file"
            }
            var hash = SHA256()
            try part.keep(offset, into: &hash)
            worker = DigestWorker(continuing: hash)
        } catch {
            part.discardIfEmpty()
            throw error
        }
    }

    /// What to answer to the offer.
    var answer: TransferMessage { .accepted(offset: offset, prefix: offset > 0 ? worker.digest : nil) }

    /// Where the next byte goes.
    var position: Int64 { part.position }

    /// The data begins. Its length tells whether the sender continues, or begins again because its own beginning is
    /// another one.
    func begin(_ count: Int) throws(TransferError) {
        if Int64(count) == offer.size - offset { return }
        guard Int64(count) == offer.size else {
            throw TransferError(
                "the sender began to send \(count) bytes in place of \(offer.size - offset) or \(offer.size)",
                endsSession: true)
        }
        note = "\(name.part) had another beginning than the file"
        offset = 0
        worker = DigestWorker(continuing: SHA256())
        try part.restart()
    }

    /// Takes the next piece of data: hashed and written side by side.
    func take(_ chunk: RawSpan) throws(TransferError) {
        try unsafe chunk.withUnsafeBytes { (bytes) throws(TransferError) in
            unsafe worker.begin(bytes)
            defer { worker.wait() }
            try unsafe part.write(bytes)
        }
    }

    /// All data is here, and this is what the sender said then: what to answer, `nil` for nothing; and the result.
    func end(_ message: TransferMessage) throws(TransferError) -> (reply: TransferMessage?, result: TransferResult) {
        switch message {
        case .digest(let theirs):
            do throws(TransferError) {
                let ours = worker.digest
                guard ours == theirs else {
                    part.discard()
                    throw TransferError("what arrived is not what was sent (the SHA-256 differs); it was thrown away")
                }
                try part.complete()
                return (.stored(ours), result(.stored(ours)))
            } catch {
                return (.failed(reason: error.sentence), result(.failed(error.sentence)))
            }
        case .withdrawn(let reason):
            return (nil, result(.failed("the sender withdrew it: \(reason)")))
        default:
            throw TransferError(
                "the sender said \"\(message.word)\" where \"digest\" or \"withdrawn\" was due", endsSession: true)
        }
    }

    /// It will not come to its end: leaves what can be continued.
    func giveUp() { part.discardIfEmpty() }

    /// The same, because the sender went away; the sentence says how much had come.
    func cut(_ reason: String) -> TransferError {
        giveUp()
        let kept = part.position > 0 ? "; \(name.part) is kept for --resume" : ""
        return TransferError(
            "\(reason) after \(Amount.bytes(part.position)) of \(Amount.bytes(offer.size))\(kept)", endsSession: true)
    }

    func result(_ outcome: TransferResult.Outcome) -> TransferResult {
        TransferResult(
            name: offer.name, size: offer.size, offset: offset,
            duration: MonotonicTime.now.duration(since: start), outcome: outcome)
    }
}
