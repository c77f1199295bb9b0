internal import BerthEngine
internal import BerthSockets
internal import BerthSystem

/// The thread that accepts. It neither dies nor spins: an error costs a pause, and ends nothing.
final class ThreadAcceptor: Sendable {
    private let core: ServiceCore
    private let entrance: Entrance

    init(_ entrance: Entrance) {
        core = entrance.core
        self.entrance = entrance
    }

    /// Accepts until the service drains; then takes what the kernel has accepted already, and closes the listeners.
    func run() {
        while !core.signals.isDraining {
            // Only the end of the service may cut a pause short: not a connection, and not an error of the listener,
            // which epoll(7) reports without being asked.
            entrance.wait()
            while acceptOne() {}
        }
        entrance.takeRest(until: Deadline(time: core.signals.deadline)) { start($0) }
        entrance.close()
    }

    /// Accepts one connection; false when there is none, or when accepting failed and a pause is due.
    private func acceptOne() -> Bool {
        switch entrance.takeOne() {
        case .connection(let admitted):
            start(admitted)
            return true
        case .refused: return true
        case .nothing: return false
        case .full:
            core.waitForRoom()
            return true
        }
    }

    private func start(_ admitted: Admitted) {
        core.startThread(for: admitted, patienceIsSet: !entrance.isShared)
    }
}
