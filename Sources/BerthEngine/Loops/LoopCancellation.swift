internal import Synchronization

/// Carries the cancellation of a handler's task to the loop where its connection waits: one for each connection and not
/// for each wait, and there before the connection, which the task makes itself.
package final class LoopCancellation: Sendable {
    private static let unknown: UInt64 = 0
    private static let cancelled: UInt64 = .max

    private let loop: EventLoop
    /// The token of the connection's channel, once it is known.
    private let token = Atomic<UInt64>(unknown)

    package init(_ loop: EventLoop) { self.loop = loop }

    /// Has the cancellation reach this connection, also when it has come before. On the loop's thread.
    package func reach(_ connection: Connection) {
        guard let own = unsafe connection.channel?.pointee.token else { return }
        if token.exchange(own, ordering: .acquiringAndReleasing) == Self.cancelled { loop.core.cancel(own) }
    }

    /// Ends the present wait of the connection, and all later ones. From any thread.
    package func cancel() {
        let known = token.exchange(Self.cancelled, ordering: .acquiringAndReleasing)
        if known != Self.unknown, known != Self.cancelled { loop.cancel(known) }
    }
}
