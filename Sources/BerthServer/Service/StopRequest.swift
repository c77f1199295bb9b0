internal import BerthHarbour
internal import BerthSockets
internal import BerthSystem

/// The wish to end a service, made from anywhere, and a descriptor for whoever waits for it.
final class StopRequest: Sendable {
    private let wakeUp: Result<Box, Errno>

    private final class Box: Sendable {
        let wakeUp: WakeUp
        init() throws(Errno) { wakeUp = try WakeUp() }
    }

    init() {
        do throws(Errno) { wakeUp = .success(try Box()) } catch { wakeUp = .failure(error) }
    }

    func make() {
        if case .success(let box) = wakeUp { box.wakeUp.signal() }
    }

    /// Readable once the wish was made.
    var descriptor: Int32 { get throws(Errno) { try wakeUp.get().wakeUp.descriptor.rawValue } }
}

/// Serves until the wish is made or SIGINT or SIGTERM arrives, and then ends the service. Another signal meanwhile cuts the
/// end short.
///
/// - Parameters:
///   - start: makes the service and announces it.
///   - withdraw: takes the announcement back.
func serve(
    until request: StopRequest, start: () throws -> any Service, withdraw: () -> Void
) throws -> StopReport {
    // Before the announcement, since whoever reads it may send a signal at once; and all that the end takes before the
    // beginning, since a service that is out of descriptors must be able to end.
    let trap = try SignalTrap([.interrupt, .terminate])
    let ended = try WakeUp()
    let wish = try request.descriptor
    let notifier = ServiceNotifier.current
    let service = try start()
    notifier.tell(.ready, .status("serving on \(service.address)"))
    var entries = [PollEntry(trap.descriptor, .readable), PollEntry(wish, .readable)]
    while entries.allSatisfy(\.found.isEmpty) {
        _ = try? Kernel.poll(&entries, until: .after(notifier.watchdogInterval))
        if notifier.watchdogInterval != nil { notifier.tell(.watchdog) }
    }
    _ = trap.next()
    notifier.tell(.stopping)
    withdraw()
    let lameDuck = service.core.configuration.limits.lameDuckTime

    let report = Monitor<StopReport?>(nil)
    let endedDescriptor = ended.descriptor.rawValue
    do throws(Errno) {
        try Thread.start(name: "berth-stop") {
            let result = service.stop(lameDuck: lameDuck)
            report.change { $0 = result }
            WakeUp.signal(endedDescriptor)
        }
    } catch {
        // No thread is to be had: it ends all the same, only nobody listens for another signal.
        return service.stop(lameDuck: lameDuck)
    }
    entries = [PollEntry(trap.descriptor, .readable), PollEntry(endedDescriptor, .readable)]
    while true {
        _ = try? Kernel.poll(&entries, until: .never)
        if entries[1].found.isEmpty {
            if trap.next() != nil { service.hurry() }
        } else if let report = report.withLock({ $0 }) {
            return report
        }
    }
}
