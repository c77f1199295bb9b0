internal import BerthHarbour
internal import BerthSockets
internal import BerthSystem

/// What a service accepts from: a listener of its own, or those that someone else has opened and keeps.
final class Listeners: Sendable {
    /// A listener. A class, since an array cannot hold owners of descriptors; closed with the last reference.
    final class Gate: Sendable {
        let listener: TCPListener
        init(_ listener: consuming TCPListener) { self.listener = listener }
    }

    let address: SocketAddress
    let backlog: Backlog
    /// Whether someone else has them as well: a service manager, or a harbour with its other workers. What waits there is
    /// not lost when this process has gone, and they are never shut down.
    let isShared: Bool
    private let gates: Monitor<[Gate]>

    init(own listener: consuming TCPListener) {
        address = listener.address
        backlog = listener.backlog
        isShared = false
        gates = Monitor([Gate(listener)])
    }

    /// Takes over what was handed to this process.
    init(inherited environment: ListenEnvironment, options: SocketOptions) throws(SocketError) {
        var all: [Gate] = []
        for descriptor in environment.descriptors {
            do {
                all.append(Gate(try TCPListener.inherited(Descriptor(owning: descriptor), options: options)))
            } catch { throw ListenEnvironment.mistake(descriptor, error) }
        }
        guard let first = all.first else { throw ListenEnvironment.mistake("there are none") }
        address = first.listener.address
        backlog = first.listener.backlog
        isShared = true
        gates = Monitor(all)
    }

    /// The listeners, which are the caller's from now on.
    func take() -> [Gate] {
        gates.withLock { gates in
            defer { gates = [] }
            return gates
        }
    }
}
