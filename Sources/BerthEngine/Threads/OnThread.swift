internal import BerthSystem

/// Runs blocking code on a thread of its own, so that it blocks neither a thread of the global pool nor an event loop,
/// and waits for its result. A handler goes on where it runs.
///
/// The body is not part of the task: it does not hear of its cancellation.
///
/// - Throws: what `body` throws, or an `Errno` when no thread is to be had.
package func onThread<R: Sendable>(
    named name: String, _ body: @escaping @Sendable () throws -> R
) async throws -> R {
    try await withCheckedThrowingContinuation { continuation in
        do throws(Errno) {
            try Thread.start(name: name) { continuation.resume(with: Result { try body() }) }
        } catch {
            continuation.resume(throwing: error)
        }
    }
}
