internal import ArgumentParser
internal import BerthHarbour
internal import BerthServer
internal import BerthSockets
internal import BerthSystem

/// `berth run`.
struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Supervise any program that takes its listening socket as descriptor 3.",
        discussion: """
            The program gets LISTEN_FDS, LISTEN_PID and LISTEN_FDNAMES (man 3 sd_listen_fds). The socket stays open when
            the program is replaced or dies: who connects meanwhile waits. To leave, the program is sent SIGTERM; it is to
            accept nothing more, finish what it has, and end.

            EXAMPLES
              berth run --listen :8080 --workers 3 -- python3 app.py
              berth reload :8080
              berth rollout :8080 --to ./app-v2 --share 34
            """)

    /// How the listening sockets are laid out.
    enum Layout: String, ExpressibleByArgument, CaseIterable {
        case processPool = "process-pool"
        case reusePort = "reuse-port"
    }

    /// How a program shows that it is ready.
    enum Readiness: String, ExpressibleByArgument, CaseIterable {
        case alive, notify, line

        var forWorkers: WorkerProgram.Readiness {
            switch self {
            case .alive: .alive(.milliseconds(500))
            case .notify: .notify
            case .line: .line
            }
        }
    }

    @Option(help: "Where to listen: HOST:PORT, :PORT (everywhere), [IPV6]:PORT, a path, @NAME. Port 0: any.")
    var listen: Endpoint

    @Option(help: ArgumentHelp("How many processes. Default: one for each processor.", valueName: "count"))
    var workers: Int?

    @Option(help: "process-pool: one socket for all; reuse-port: one for each. Default: process-pool.")
    var layout: Layout = .processPool

    @Option(
        help: """
            How the program shows that it is ready: alive (it is still there after half a second), notify (READY=1 to \
            NOTIFY_SOCKET, man 3 sd_notify), line (a line break to the descriptor that READY_FD names).
            """)
    var ready: Readiness = .alive

    @Option(
        help: ArgumentHelp(
            "Kill a program that is not ready after so long. Default: 30.", valueName: "seconds"))
    var readyWithin: Double = 30

    @Option(
        help: ArgumentHelp(
            "Replace a program that has not sent WATCHDOG=1 for so long; goes with --ready notify.",
            valueName: "seconds"))
    var watchdog: Double?

    @Option(
        help: ArgumentHelp(
            "Replace programs at whose socket connections have waited for so long and became no fewer. Default: never.",
            valueName: "seconds"))
    var rescue: Double?

    @Option(help: "Connections that may wait to be accepted. Default: as many as the kernel allows.")
    var backlog: Int?

    @Option(
        help: ArgumentHelp(
            "Where operators reach the harbour; \"none\" for nowhere. Default: by the address, printed at the start.",
            valueName: "path"))
    var control: String?

    @Option(
        help: ArgumentHelp(
            "How long a program may take to leave before it is killed. Default: 60.", valueName: "seconds"))
    var patience: Double = 60

    @OptionGroup(title: "Readiness")
    var readiness: ReadinessOptions

    @Argument(parsing: .postTerminator, help: "The program and its arguments.")
    var program: [String] = []

    func validate() throws {
        if let mistake = listen.mistake { throw ValidationError(mistake.description) }
        if program.isEmpty { throw ValidationError("there is no program: berth run --listen :8080 -- PROGRAM …") }
        if let workers, !(1...1024).contains(workers) { throw ValidationError("--workers is between 1 and 1024.") }
        if let backlog, backlog < 0 { throw ValidationError("--backlog is not negative.") }
        if !(0...31_536_000).contains(patience) { throw ValidationError("--patience is between 0 and a year.") }
        if !(0.1...31_536_000).contains(readyWithin) {
            throw ValidationError("--ready-within is between 0.1 and a year.")
        }
        if let watchdog, !(0.1...31_536_000).contains(watchdog) {
            throw ValidationError("--watchdog is between 0.1 and a year.")
        }
        if watchdog != nil, ready != .notify { throw ValidationError("--watchdog goes with --ready notify.") }
        if let rescue, !(0.1...31_536_000).contains(rescue) {
            throw ValidationError("--rescue is between 0.1 and a year.")
        }
    }

    func run() throws {
        Kernel.ignoreBrokenPipes()
        let layout: HarbourLayout = layout == .reusePort ? .each : .shared
        let workers = workers ?? Kernel.processorCount
        let report: HarbourReport
        do throws(SocketError) {
            let berths = try openBerths(layout, workers)
            Talk.say("running \(program[0]) on \(berths.address) (\(self.layout.rawValue) of \(workers))")
            let stop = try Self.neverReadable()
            let harbour = try Harbour(try configuration(layout, workers, berths), berths: berths)
            report = harbour.run(until: stop.descriptor.rawValue)
            if let failure = report.failure {
                throw SocketError(.serve, address: berths.address.description, detail: failure)
            }
        } catch { throw CommandFailure(message: explain(error)) }
        // What those had open is cut off, which nobody but they could tell of.
        if report.killed > 0 { throw ExitCode(BerthTool.Code.failure.rawValue) }
    }

    private func openBerths(_ layout: HarbourLayout, _ workers: Int) throws(SocketError) -> Berths {
        if let environment = try ListenEnvironment.current() { return try Berths.inherited(environment) }
        return try Berths.open(
            on: listen, layout: layout, count: workers, reuse: .afterTimeWait, backlog: backlog, options: .default)
    }

    private func configuration(
        _ layout: HarbourLayout, _ workers: Int, _ berths: Berths
    ) throws(SocketError) -> HarbourConfiguration {
        var settings = SupervisionSettings(workers: workers, berths: berths.count)
        // The program cannot be told where to dock, and may have nothing to say.
        settings.canDock = false
        settings.readyWithin = .seconds(readyWithin)
        settings.silence = watchdog.map { .seconds($0) }
        settings.rescueAfter = rescue.map { .seconds($0) }
        settings.patience = .zero
        settings.drain = .seconds(patience)
        let worker = WorkerProgram(path: program[0], arguments: program, readiness: ready.forWorkers)
        var result = HarbourConfiguration(
            program: worker, server: listen.description, layout: layout, settings: settings
        ) { Talk.say($0.description) }
        result.upgradeProgram = try WorkerProgram.own(arguments: CommandLine.arguments)
        if let control { result.control = control == "none" ? .none : .path(control) }
        let notice = ReadyAnnouncement(portFile: readiness.portFile, descriptor: readiness.readyFd)
        let address = berths.address
        result.withdraw = { notice.withdraw() }
        result.becameReady = { for problem in notice.announce(address) { Talk.say(problem) } }
        return result
    }

    /// A descriptor for a wish that nobody makes: signals and operators end it.
    private static func neverReadable() throws(SocketError) -> WakeUp {
        do throws(Errno) { return try WakeUp() } catch { throw SocketError(.open, address: "signals", errno: error) }
    }

    private func explain(_ error: SocketError) -> String {
        let failure = ServerError(explaining: error, reuse: .afterTimeWait)
        return failure.finding.map { "\(failure.cause)\n\($0)" } ?? failure.description
    }
}
