internal import BerthSockets

/// Why a file was not sent or stored: one sentence without a full stop, for this side's user or for the other side's.
struct TransferError: Error, Sendable, Hashable, CustomStringConvertible {
    let sentence: String
    /// Whether the connection cannot carry further files.
    var endsSession = false

    init(_ sentence: String, endsSession: Bool = false) {
        self.sentence = sentence
        self.endsSession = endsSession
    }

    /// A connection that failed while `what` was going on.
    init(_ error: StreamError, while what: String) {
        self.init("the connection failed while \(what): \(error)", endsSession: true)
    }

    var description: String { sentence }
}
