internal import BerthSystem
internal import Crypto

/// Hashes a part of a file on a thread of its own, beside the sending of the same bytes.
///
/// The two stay within a window of each other, so that the second to come finds the bytes in the page cache.
final class FileDigester {
    private struct State {
        var position: Int64
        /// Up to where the hashing may go.
        var limit: Int64
        var isCancelled = false
        var result: Result<SHA256, TransferError>?
    }

    private let state: Monitor<State>
    private let window: Int64

    /// Begins to hash `range` of `source`, going on from `hash`.
    init(_ source: SourceFile, _ range: Range<Int64>, continuing hash: SHA256, window: Int64 = 64 << 20) throws(Errno) {
        self.window = window
        let state = Monitor(State(position: range.lowerBound, limit: range.lowerBound + window))
        self.state = state
        // A thread's body cannot own the descriptor: it has one of its own, by number.
        let file = try source.file.duplicate().release()
        do throws(Errno) {
            try Thread.start(name: "berth-sha256") {
                let file = Descriptor(owning: file)
                Self.run(state, file.rawValue, range, hash)
            }
        } catch {
            _ = Descriptor(owning: file)
            throw error
        }
    }

    deinit { state.change { $0.isCancelled = true } }

    /// The sending has come to `position`: lets the hashing go on, and waits for it where it is far behind.
    ///
    /// - Throws: what made the hashing fail.
    func keepUp(with position: Int64) throws(TransferError) {
        state.change { $0.limit = position + window }
        let failure: TransferError?? = state.wait { [window] state in
            switch state.result {
            case .failure(let error)?: return .some(.some(error))
            case .success?: return .some(nil)
            case nil: return position - state.position <= window ? .some(nil) : nil
            }
        }
        if case .some(.some(let error)) = failure { throw error }
    }

    /// Waits for the end, and returns the digest.
    func finish() throws(TransferError) -> FileDigest {
        state.change { $0.limit = .max }
        guard let result = state.wait({ $0.result }) else { throw TransferError("the hashing was given up") }
        return FileDigest(try result.get())
    }

    private static func run(_ state: Monitor<State>, _ file: Int32, _ range: Range<Int64>, _ begun: SHA256) {
        var hash = begun
        let result: Result<SHA256, TransferError>
        do throws(Errno) {
            // Looking at the shared state for every piece would cost more than it tells.
            var allowed = range.lowerBound
            let reached = try hash.update(file: file, range) { position in
                if position < allowed { return true }
                state.change { $0.position = position }
                let next: Int64? = state.wait { state in
                    if state.isCancelled { return -1 }
                    return state.limit > position ? min(state.limit, position + (4 << 20)) : nil
                }
                allowed = next ?? -1
                return allowed > position
            }
            result =
                reached == range.upperBound
                ? .success(hash) : .failure(TransferError("the file ended at byte \(reached) while it was sent"))
        } catch { result = .failure(TransferError("cannot read the file: \(error)")) }
        state.change { $0.result = result }
    }
}
