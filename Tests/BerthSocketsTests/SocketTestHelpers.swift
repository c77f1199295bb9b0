import BerthSystem
import TestSupport

@testable import BerthSockets

/// Runs a test that blocks on a thread of its own.
func onThread<R: Sendable>(_ body: @escaping @Sendable () throws -> R) async throws -> R {
    try await onOwnThread(body)
}

/// A directory of its own for the sockets of a test; removed with what is in it.
func withTemporaryDirectory(_ body: (String) throws -> Void) throws {
    let path = "/tmp/berth-sockets-\(MonotonicTime.now.nanoseconds)-\(Kernel.threadID)"
    try makeDirectory(path)
    defer { removeDirectory(path) }
    try body(path)
}

/// Keeps a socket open in an array, which takes no values that cannot be copied.
final class HeldSocket: Sendable {
    let socket: TCPSocket
    init(_ socket: consuming TCPSocket) { self.socket = socket }
}
