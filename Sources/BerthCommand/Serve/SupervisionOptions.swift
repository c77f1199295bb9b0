internal import ArgumentParser
internal import BerthServer

/// How worker processes are supervised: the options of `berth serve` that only models with workers have.
struct SupervisionOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Where operators reach the harbour; \"none\" for nowhere. Default: by the address, printed at the start.",
            valueName: "path"))
    var control: String?

    @Option(
        help: ArgumentHelp(
            "How long a worker that is replaced goes on before it tells its connections. Default: 30.",
            valueName: "seconds"))
    var patience: Double?

    @Option(
        help: ArgumentHelp(
            "Kill a worker that is not ready after so long. Default: 30.", valueName: "seconds"))
    var readyWithin: Double?

    @Option(
        help: ArgumentHelp("Replace a worker that has accepted so many, up to 20% earlier.", valueName: "count"))
    var maxConnectionsPerWorker: Int?

    @Option(help: ArgumentHelp("Replace a worker of this age, up to 20% earlier.", valueName: "seconds"))
    var maxAge: Double?

    @Flag(help: "Leave connections waiting where a worker is stuck, in place of sending its neighbours there.")
    var noRescue = false

    func validate(for model: ConcurrencyModel) throws {
        if let patience, !(0...31_536_000).contains(patience) {
            throw ValidationError("--patience is between 0 and a year.")
        }
        if let readyWithin, !(0.1...31_536_000).contains(readyWithin) {
            throw ValidationError("--ready-within is between 0.1 and a year.")
        }
        if let maxConnectionsPerWorker, maxConnectionsPerWorker < 1 {
            throw ValidationError("--max-connections-per-worker is at least 1.")
        }
        if let maxAge, !(1...31_536_000).contains(maxAge) {
            throw ValidationError("--max-age is between 1 and a year.")
        }
        if model.hasWorkers { return }
        let given: [(String, Bool)] = [
            ("--control", control != nil), ("--patience", patience != nil),
            ("--ready-within", readyWithin != nil),
            ("--max-connections-per-worker", maxConnectionsPerWorker != nil), ("--max-age", maxAge != nil),
            ("--no-rescue", noRescue),
        ]
        if let option = given.first(where: \.1)?.0 {
            throw ValidationError("\(option) goes with --model process-pool or reuse-port, not \(model.name).")
        }
    }

    var options: WorkerOptions {
        var options = WorkerOptions()
        if let control { options.control = control == "none" ? .none : .path(control) }
        if let patience { options.patience = .seconds(patience) }
        if let readyWithin { options.readyWithin = .seconds(readyWithin) }
        options.connectionsPerWorker = maxConnectionsPerWorker
        options.age = maxAge.map { .seconds($0) }
        if noRescue { options.rescue = nil }
        return options
    }
}

/// Who else is told that a service takes connections.
struct ReadinessOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Write the port to this file once the service takes connections.", valueName: "file"))
    var portFile: String?

    @Option(
        help: ArgumentHelp(
            "Write a line break to this descriptor once the service takes connections, and close it.",
            valueName: "number"))
    var readyFd: Int32?

    func validate() throws {
        if let readyFd, readyFd < 3 { throw ValidationError("--ready-fd is at least 3.") }
    }

    var notice: ReadyNotice { ReadyNotice(portFile: portFile, descriptor: readyFd) }
}
