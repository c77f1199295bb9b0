internal import BerthSockets

/// What happens while files are sent or received, for progress bars and results.
///
/// Reported on the thread of the connection; of one connection one after the other.
enum TransferEvent: Sendable {
    /// The data of a file begins at `offset`; `note` says why that is not what was wished for.
    case began(name: String, size: Int64, offset: Int64, note: String?)
    /// So much of the file is there now.
    case advanced(position: Int64)
    /// The file is stored, or is not.
    case ended(TransferResult)
    /// The connection with the peer is over. `failure` is what ended it, when it was not the sender's own end.
    case sessionEnded(files: Int, failure: String?)
}

/// How the transfer of one file went.
struct TransferResult: Sendable, Hashable {
    enum Outcome: Sendable, Hashable {
        case stored(FileDigest)
        /// One sentence without a full stop.
        case failed(String)
    }

    let name: String
    var size: Int64
    /// From where on it was sent; above zero when an earlier transfer was continued.
    var offset: Int64 = 0
    var duration: Duration = .zero
    var outcome: Outcome

    var isStored: Bool {
        if case .stored = outcome { return true }
        return false
    }
}
