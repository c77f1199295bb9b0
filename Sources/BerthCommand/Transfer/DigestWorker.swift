internal import BerthSystem
internal import Crypto

/// Takes bytes into a SHA-256 on a thread of its own, while its owner does something else with the same bytes.
///
/// Hashing takes about as long as writing: side by side they cost the time of one. Small pieces are hashed at once.
final class DigestWorker {
    private struct State {
        var hash: SHA256
        /// The address and length of the bytes to take in. They stay valid until it is `nil` again: ``wait()``.
        var job: (address: UInt, count: Int)?
        var isFinished = false
    }

    /// What the thread does next.
    private enum Step {
        case hash(address: UInt, count: Int, SHA256)
        case end
    }

    private let state: Monitor<State>
    private var isStarted = false
    /// Below this a piece is hashed in less time than it takes to wake a thread twice.
    private static let smallPiece = 32 << 10

    init(continuing hash: SHA256) { state = Monitor(State(hash: hash)) }

    deinit { state.change { $0.isFinished = true } }

    /// Begins to take in `bytes`, which must stay valid and unchanged until ``wait()`` has returned.
    func begin(_ bytes: UnsafeRawBufferPointer) {
        if bytes.count < Self.smallPiece || !start() {
            state.withLock { unsafe $0.hash.update(bufferPointer: bytes) }
            return
        }
        let address = UInt(bitPattern: bytes.baseAddress)
        let count = bytes.count
        state.change { $0.job = (address, count) }
    }

    /// Returns when the bytes were taken in.
    func wait() { state.wait { $0.job == nil ? () : nil } }

    /// The digest of everything so far.
    var digest: FileDigest { FileDigest(state.withLock { $0.hash }) }

    /// Starts the thread the first time; `false` when there cannot be another thread.
    private func start() -> Bool {
        if isStarted { return true }
        let state = state
        do throws(Errno) { try Thread.start(name: "berth-sha256") { Self.run(state) } } catch { return false }
        isStarted = true
        return true
    }

    private static func run(_ state: Monitor<State>) {
        while true {
            let step: Step? = state.wait { state in
                if let job = state.job { return .hash(address: job.address, count: job.count, state.hash) }
                return state.isFinished ? .end : nil
            }
            guard case .hash(let address, let count, var hash)? = step else { return }
            // The owner waits for the end of this job before it lets go of the bytes.
            let bytes = unsafe UnsafeRawBufferPointer(start: UnsafeRawPointer(bitPattern: address), count: count)
            unsafe hash.update(bufferPointer: bytes)
            state.change { [hash] state in
                state.hash = hash
                state.job = nil
            }
        }
    }
}
