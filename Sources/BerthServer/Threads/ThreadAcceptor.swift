internal import BerthEngine
internal import BerthSockets
internal import BerthSystem

/// The thread that accepts. It neither dies nor spins: an error costs a pause, and ends nothing.
final class ThreadAcceptor: Sendable {
    private let service: ThreadedService
    private let listener: Monitor<TCPListener?>

    init(service: ThreadedService, listener: consuming TCPListener) {
        self.service = service
        self.listener = Monitor(listener)
    }

    /// Accepts until the service drains; then takes what the kernel has accepted already, and closes the listener.
    func run() {
        guard let listener = listener.withLock({ $0.take() }) else { return }
        var backOff = AcceptBackOff()
        var reserve = Reserve()
        while !service.signals.isDraining {
            if service.configuration.limits.overload == .wait, !service.table.waitForRoom(until: .after(Self.glance)) {
                continue
            }
            var entries = [
                PollEntry(listener.fileDescriptor, .readable), PollEntry(service.signals.descriptor, .readable),
            ]
            let pause = backOff.pause
            // Only the end of the service may cut a pause short.
            if pause != nil { entries[0].wanted = [] }
            _ = try? Kernel.poll(&entries, until: .after(pause))
            if entries[0].found.isEmpty, pause == nil { continue }
            accept(from: listener, &backOff, &reserve)
        }
        // Connections that the kernel has accepted are served: a closed listener would reset them.
        let deadline = Deadline.after(service.configuration.limits.drain)
        while let socket = try? listener.tryAccept() {
            if service.configuration.limits.overload == .wait { _ = service.table.waitForRoom(until: deadline) }
            service.take(socket)
        }
        listener.close()
    }

    /// How long to wait for room before looking whether the service drains.
    private static let glance: Duration = .milliseconds(100)

    /// Accepts what is there, one connection at least.
    private func accept(from listener: borrowing TCPListener, _ backOff: inout AcceptBackOff, _ reserve: inout Reserve) {
        do throws(SocketError) {
            repeat {
                guard let socket = try listener.tryAccept() else { return }
                backOff.succeeded()
                service.take(socket)
            } while service.configuration.limits.overload == .refuse || service.table.waitForRoom(until: .after(.zero))
        } catch {
            let errno = error.errno ?? .badDescriptor
            let action = AcceptErrorPolicy.action(for: errno)
            backOff.failed(action)
            if errno == .tooManyOpenFiles || errno == .tooManyOpenFilesInSystem {
                reserve.shedOne(from: listener) { service.refuse($0, "no descriptor is left: \(errno)") }
            }
            service.report(.acceptFailed(errno, pause: backOff.pause))
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
