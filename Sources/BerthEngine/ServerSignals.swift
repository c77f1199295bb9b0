package import BerthSystem
internal import Synchronization

/// What a server tells its connections while they wait.
package final class ServerSignals: Sendable {
    private let draining = Atomic<Bool>(false)
    private let wakeUp: WakeUp

    package init() throws(Errno) { wakeUp = try WakeUp() }

    /// Whether the service is ending.
    package var isDraining: Bool { draining.load(ordering: .acquiring) }

    /// Readable from the moment that the service is ending, for whoever polls.
    package var descriptor: Int32 { wakeUp.descriptor.rawValue }

    /// Tells all connections, those that wait included.
    package func drain() {
        draining.store(true, ordering: .releasing)
        wakeUp.signal()
    }
}
