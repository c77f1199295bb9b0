internal import BerthHarbour
internal import BerthSockets
internal import BerthSystem

// What a copy of the program does that a harbour has started.
extension Server {
    /// Serves at the berths of the harbour, when it is this server that the process was started for; otherwise waits until
    /// the worker ends, as the server is served by its own process.
    func work(as role: WorkerRole) throws -> StopReport {
        guard role.server == endpoint.description, HandedOver.take() else { return try waitForEndOfWorker() }
        defer { WorkerEnd.announce() }
        let trap = try SignalTrap([.interrupt, .terminate, .quit])
        let ended = try WakeUp()
        let wish = try stopRequest.descriptor
        let listeners: Listeners
        do throws(SocketError) {
            guard let environment = try ListenEnvironment.current() else {
                throw ListenEnvironment.mistake("there are none")
            }
            listeners = try Listeners(inherited: environment, options: configuration.socketOptions)
        } catch { throw ServerError(serving: error) }
        let link = role.link
        let forwarder = ClosureObserver { event in
            // What concerns nobody is not told: a worker that nobody uses leaves without a word.
            if case .draining(let step) = event, step.active > 0 { link.send(.draining(step)) }
        }
        let service = try start(on: listeners, docked: false, place: role.place, observer: forwarder)
        let used = try WakeUp()
        if case .processes = model {
            let descriptor = used.descriptor.rawValue
            service.entrance?.acceptOnlyOne { WakeUp.signal(descriptor) }
        }
        let worker = Worker(
            service: service, link: link, ended: ended.descriptor.rawValue, used: used.descriptor.rawValue)
        return worker.run(signals: trap, wish: wish)
    }

    private func waitForEndOfWorker() throws -> StopReport {
        var entries = [PollEntry(try stopRequest.descriptor, .readable), PollEntry(WorkerEnd.descriptor, .readable)]
        _ = try Kernel.poll(&entries, until: .never)
        return StopReport()
    }
}

/// The end of this worker, for other servers of the program.
private enum WorkerEnd {
    /// Never signalled where there is no descriptor for it, and then nobody can wait for it either.
    private static let wakeUp: Box? = try? Box()

    private final class Box: Sendable {
        let wakeUp: WakeUp
        init() throws(Errno) { wakeUp = try WakeUp() }
    }

    static var descriptor: Int32 { wakeUp?.wakeUp.descriptor.rawValue ?? -1 }

    static func announce() { wakeUp?.wakeUp.signal() }
}
