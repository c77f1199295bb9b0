internal import BerthEngine
internal import BerthSockets
internal import BerthSystem

/// The thread that accepts. It neither dies nor spins: an error costs a pause, and ends nothing.
final class ThreadAcceptor: Sendable {
    private let core: ServiceCore
    private let listener: Monitor<TCPListener?>

    init(core: ServiceCore, listener: consuming TCPListener) {
        self.core = core
        self.listener = Monitor(listener)
    }

    /// Accepts until the service drains; then takes what the kernel has accepted already, and closes the listener.
    func run() {
        guard let listener = listener.withLock({ $0.take() }) else { return }
        var backOff = AcceptBackOff()
        var reserve = Reserve()
        while !core.signals.isDraining {
            if isWaitingForRoom, !core.table.waitForRoom(until: .after(Self.glance)) { continue }
            // Only the end of the service may cut a pause short: not a connection, and not an error of the listener,
            // which poll(2) reports without being asked.
            var entries = [PollEntry(core.signals.descriptor, .readable)]
            if backOff.pause == nil { entries.append(PollEntry(listener.fileDescriptor, .readable)) }
            _ = try? Kernel.poll(&entries, until: .after(backOff.pause))
            while !core.signals.isDraining, acceptOne(from: listener, &backOff, &reserve) {
                if isWaitingForRoom, !core.table.waitForRoom(until: .after(.zero)) { break }
            }
        }
        takeRest(of: listener, &reserve)
        listener.close()
    }

    /// How long to wait for room before looking whether the service drains.
    private static let glance: Duration = .milliseconds(100)

    private var isWaitingForRoom: Bool { core.configuration.limits.overload == .wait }

    /// Takes the connections that the kernel has accepted when the service begins to drain: a closed listener would
    /// reset them.
    private func takeRest(of listener: borrowing TCPListener, _ reserve: inout Reserve) {
        let deadline = Deadline.after(core.configuration.limits.drain)
        var backOff = AcceptBackOff()
        // The queue held no more than this, and is served in order: who comes later may come for ever.
        for _ in 0...listener.backlog.effective {
            if isWaitingForRoom { _ = core.table.waitForRoom(until: deadline) }
            while !acceptOne(from: listener, &backOff, &reserve) {
                // Nothing is left, or there is no descriptor until another connection ends.
                guard let pause = backOff.pause, !deadline.hasPassed, !core.table.isHurried else { return }
                var nothing: [PollEntry] = []
                _ = try? Kernel.poll(&nothing, until: .after(pause).earlier(of: deadline))
            }
        }
    }

    /// Accepts one connection; false when there is none, or when accepting failed and a pause is due.
    private func acceptOne(
        from listener: borrowing TCPListener, _ backOff: inout AcceptBackOff, _ reserve: inout Reserve
    ) -> Bool {
        do throws(SocketError) {
            let socket = try listener.tryAccept()
            backOff.succeeded()
            guard let socket else { return false }
            core.startThread(for: socket)
            return true
        } catch {
            let errno = error.errno ?? .badDescriptor
            backOff.failed(AcceptErrorPolicy.action(for: errno))
            if errno == .tooManyOpenFiles || errno == .tooManyOpenFilesInSystem {
                reserve.shedOne(from: listener) { core.refuse($0, "no descriptor is left: \(errno)") }
            }
            core.report(.acceptFailed(errno, pause: backOff.pause))
            return false
        }
    }
}

/// How long to pause after errors of accept: 5 ms, doubling to 1 s, until one succeeds.
struct AcceptBackOff: Sendable {
    static let first: Duration = .milliseconds(5)
    static let longest: Duration = .seconds(1)

    /// `nil` for no pause.
    private(set) var pause: Duration?

    mutating func succeeded() { pause = nil }

    mutating func failed(_ action: AcceptErrorPolicy.Action) {
        switch action {
        // The connection was at fault, not the listener: the next one may be fine.
        case .retry: pause = nil
        case .backOff, .stop: pause = min(Self.longest, pause.map { $0 * 2 } ?? Self.first)
        }
    }
}

/// A descriptor kept for the moment when there is no other: it is given up to accept one connection and refuse it, so
/// that the client learns of it instead of waiting in the queue.
private struct Reserve: ~Copyable {
    private var descriptor: Descriptor? = try? Kernel.open("/dev/null")

    mutating func shedOne(from listener: borrowing TCPListener, refused: (SocketAddress?) -> Void) {
        guard let kept = descriptor.take() else {
            descriptor = try? Kernel.open("/dev/null")
            return
        }
        try? kept.close()
        if let socket = try? listener.tryAccept() {
            let peer = socket.peer
            socket.abort()
            refused(peer)
        }
        descriptor = try? Kernel.open("/dev/null")
    }
}
