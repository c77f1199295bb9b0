package import BerthEngine
internal import BerthServer
internal import BerthSystem

/// A handler that writes a reply and ends, while bytes of its client lie unread in the kernel: with a plain close(2) the
/// kernel sends an RST then, and the client loses the end of the reply.
///
/// The client is to wait for one byte, send ``unread`` bytes, and read the reply.
package struct LastReply: ConnectionHandler {
    /// How the handler ends.
    package enum Way: String, Sendable, CaseIterable {
        case returns, throwing, cancelled
        /// By closing the connection itself, for comparison.
        case closes
    }

    package static let unread = 50
    package static let reply: [UInt8] = (0..<448 << 10).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 10) }

    private struct Enough: Error {}
    private let way: Way

    package init(_ way: Way) { self.way = way }

    package mutating func handle(_ connection: Connection) async throws {
        try await connection.write([UInt8(ascii: ".")])
        try await connection.flush()
        while try Kernel.unreadBytes(connection.fileDescriptor) < Self.unread {
            try await Task.sleep(for: .milliseconds(1))
        }
        try await connection.write(Self.reply)
        switch way {
        case .returns: break
        case .throwing: throw Enough()
        case .cancelled:
            withUnsafeCurrentTask { unsafe $0?.cancel() }
            try Task.checkCancellation()
        case .closes:
            try await connection.flush()
            connection.close()
        }
    }
}
