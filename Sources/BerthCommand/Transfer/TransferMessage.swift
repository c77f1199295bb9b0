/// What a sender promises about the file that it wants to send.
struct FileOffer: Sendable, Hashable {
    /// As the sender wrote it: a receiver makes a ``TransferName`` of it, or refuses.
    let name: String
    let size: Int64
    /// Whether the sender wants to continue an earlier transfer that was cut.
    var wantsResume = false

    /// The largest size: with the 8 bytes of its length prefix the data has to stay below 2^63.
    static let maximumSize = Int64.max - 8
}

/// A message of the file-transfer protocol (`docs/file-transfer.md`): everything but the data itself.
///
/// On the wire it is a frame of UTF-8 lines, each ended by LF: `berth-file/1 WORD`, then `key: value` lines.
enum TransferMessage: Sendable, Hashable {
    /// Sender: a file. First message for each file.
    case offer(FileOffer)
    /// Receiver: send it from `offset` on; `prefix` is the digest of the bytes in front, which the receiver has.
    case accepted(offset: Int64, prefix: FileDigest?)
    /// Receiver: do not send it.
    case refused(reason: String)
    /// Sender, behind the data: the digest of the whole file.
    case digest(FileDigest)
    /// Sender, behind the data, in place of the digest: what was sent is of no use.
    case withdrawn(reason: String)
    /// Receiver: the file is stored, and its content is on the device.
    case stored(FileDigest)
    /// Receiver, at any time after `accepted`: the file will not be stored.
    case failed(reason: String)

    /// The name and version of the protocol, at the beginning of each message.
    static let protocolName = "berth-file/1"
    /// The largest message, its length prefix not counted.
    static let maximumLength = 4096
    /// The longest reason in bytes; a longer one is cut.
    static let maximumReason = 1024

    /// The bytes of the message, without its length prefix.
    var encoded: [UInt8] {
        var text = "\(Self.protocolName) \(word)\n"
        for (key, value) in fields { text += "\(key): \(value)\n" }
        return Array(text.utf8)
    }

    /// The word that tells the kind of message.
    var word: String {
        switch self {
        case .offer: "offer"
        case .accepted: "accepted"
        case .refused: "refused"
        case .digest: "digest"
        case .withdrawn: "withdrawn"
        case .stored: "stored"
        case .failed: "failed"
        }
    }

    private var fields: [(key: String, value: String)] {
        switch self {
        case .offer(let offer):
            [("name", offer.name), ("size", "\(offer.size)"), ("resume", offer.wantsResume ? "yes" : "no")]
        case .accepted(let offset, let prefix?): [("offset", "\(offset)"), ("sha256", "\(prefix)")]
        case .accepted(let offset, nil): [("offset", "\(offset)")]
        case .refused(let reason), .withdrawn(let reason), .failed(let reason): [("reason", Self.oneLine(reason))]
        case .digest(let digest), .stored(let digest): [("sha256", "\(digest)")]
        }
    }

    /// A sentence that fits into a message whatever it is made of: control characters are replaced, and it is cut.
    private static func oneLine(_ reason: String) -> String {
        var line = ""
        var length = 0
        for scalar in reason.unicodeScalars {
            let safe = TransferName.isForbidden(scalar) ? " " : scalar
            length += UTF8.width(safe)
            if length > maximumReason { break }
            line.unicodeScalars.append(safe)
        }
        return line
    }
}
