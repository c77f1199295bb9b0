internal import BerthSystem

/// Runs blocking code on a thread of its own, so that it blocks no thread of the global pool, and waits for its result.
func onThread<R: Sendable>(named name: String, _ body: @escaping @Sendable () throws -> R) async throws -> R {
    try await withCheckedThrowingContinuation { continuation in
        do throws(Errno) {
            try Thread.start(name: name) { continuation.resume(with: Result { try body() }) }
        } catch {
            continuation.resume(throwing: error)
        }
    }
}
