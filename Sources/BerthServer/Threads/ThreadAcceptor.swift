internal import BerthEngine
internal import BerthSockets
internal import BerthSystem

/// The thread that accepts. It neither dies nor spins: an error costs a pause, and ends nothing.
final class ThreadAcceptor: Sendable {
    private let core: ServiceCore
    private let recovery: AcceptRecovery
    private let listener: Monitor<TCPListener?>

    init(core: ServiceCore, listener: consuming TCPListener) {
        self.core = core
        recovery = AcceptRecovery(core: core)
        self.listener = Monitor(listener)
    }

    /// Accepts until the service drains; then takes what the kernel has accepted already, and closes the listener.
    func run() {
        guard let listener = listener.withLock({ $0.take() }) else { return }
        while !core.signals.isDraining {
            if isWaitingForRoom, !core.table.waitForRoom(until: .after(Self.glance)) { continue }
            // Only the end of the service may cut a pause short: not a connection, and not an error of the listener,
            // which poll(2) reports without being asked.
            var entries = [PollEntry(core.signals.descriptor, .readable)]
            let pauseEnd = recovery.pauseEnd
            if pauseEnd == nil { entries.append(PollEntry(listener.fileDescriptor, .readable)) }
            _ = try? Kernel.poll(&entries, until: Deadline(time: pauseEnd))
            while !core.signals.isDraining, acceptOne(from: listener) {
                if isWaitingForRoom, !core.table.waitForRoom(until: .after(.zero)) { break }
            }
        }
        recovery.takeRest(of: listener, until: .after(core.configuration.limits.drain)) { core.startThread(for: $0) }
        listener.close()
    }

    /// How long to wait for room before looking whether the service drains.
    private static let glance: Duration = .milliseconds(100)

    private var isWaitingForRoom: Bool { core.configuration.limits.overload == .wait }

    /// Accepts one connection; false when there is none, or when accepting failed and a pause is due.
    private func acceptOne(from listener: borrowing TCPListener) -> Bool {
        guard let socket = recovery.takeOne(from: listener) else { return false }
        core.startThread(for: socket)
        return true
    }
}
