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
        takeRest(of: listener)
        listener.close()
    }

    /// How long to wait for room before looking whether the service drains.
    private static let glance: Duration = .milliseconds(100)

    private var isWaitingForRoom: Bool { core.configuration.limits.overload == .wait }

    /// Takes the connections that the kernel has accepted when the service begins to drain: a closed listener would
    /// reset them.
    private func takeRest(of listener: borrowing TCPListener) {
        let deadline = Deadline.after(core.configuration.limits.drain)
        recovery.succeeded()
        // The queue held no more than this, and is served in order: who comes later may come for ever.
        for _ in 0...listener.backlog.effective {
            if isWaitingForRoom { _ = core.table.waitForRoom(until: deadline) }
            while !acceptOne(from: listener) {
                // Nothing is left, or there is no descriptor until another connection ends.
                guard let pauseEnd = recovery.pauseEnd, !deadline.hasPassed, !core.table.isHurried else { return }
                var nothing: [PollEntry] = []
                _ = try? Kernel.poll(&nothing, until: Deadline(time: pauseEnd).earlier(of: deadline))
            }
        }
    }

    /// Accepts one connection; false when there is none, or when accepting failed and a pause is due.
    private func acceptOne(from listener: borrowing TCPListener) -> Bool {
        guard let socket = takeOne(from: listener) else { return false }
        core.startThread(for: socket)
        return true
    }

    private func takeOne(from listener: borrowing TCPListener) -> TCPSocket? {
        do throws(SocketError) {
            recovery.prepare()
            let socket = try listener.tryAccept()
            recovery.succeeded()
            return socket
        } catch {
            return recovery.failed(error, on: listener) { () throws(SocketError) in try listener.tryAccept() }
        }
    }
}
