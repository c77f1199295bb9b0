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

/// Serves until the wish is made or SIGINT or SIGTERM arrives, and then ends the service. Another signal meanwhile cuts
/// the end short.
func serve(_ service: ThreadedService, until request: StopRequest) throws(Errno) -> StopReport {
    let trap = try SignalTrap([.interrupt, .terminate])
    var entries = [PollEntry(trap.descriptor, .readable), PollEntry(try request.descriptor, .readable)]
    _ = try Kernel.poll(&entries, until: .never)
    _ = trap.next()

    let ended = try WakeUp()
    let report = Monitor<StopReport?>(nil)
    let endedDescriptor = ended.descriptor.rawValue
    try Thread.start(name: "berth-stop") {
        let result = service.stop()
        report.change { $0 = result }
        WakeUp.signal(endedDescriptor)
    }
    entries = [PollEntry(trap.descriptor, .readable), PollEntry(endedDescriptor, .readable)]
    while true {
        _ = try Kernel.poll(&entries, until: .never)
        if let report = report.withLock({ $0 }) { return report }
        if trap.next() != nil { service.table.hurry() }
    }
}
