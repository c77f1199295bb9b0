internal import ArgumentParser
internal import BerthFraming
internal import BerthServer
internal import BerthSockets
internal import BerthSystem

/// `berth serve`.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Serve a built-in service, or a program for each connection.",
        discussion: """
            With no argument it serves `greet` on 127.0.0.1:12345.

            SERVICES
              greet     greets, then answers each message with "Hello, …!"
              echo      sends everything back
              reverse   sends each line back reversed; an empty line ends
              discard   reads and throws away (RFC 863)
              chargen   sends text for ever (RFC 864)
              store     keeps the files that `berth send` sends, in --directory

            MODELS
              event-loops  N loops, each with many connections (a reactor)
              threads      a thread for each connection
              thread-pool  N threads that accept in turn, one connection each (pre-threaded)
              processes    a process for each connection (forking, inetd)
              process-pool N processes that share a listening socket (pre-fork)
              reuse-port   N processes with a listening socket each (SO_REUSEPORT)

            EXAMPLES
              berth serve
              berth serve :8080 --service echo --framing length-prefix
              berth serve :8080 --model thread-pool --threads 100 --idle 5
              berth serve :8080 --model process-pool --workers 4
              berth serve 127.0.0.1:2323 -- /bin/cat
              berth serve :9000 --service store --directory inbox
            """)

    enum Service: String, ExpressibleByArgument, CaseIterable {
        case greet, echo, reverse, discard, chargen, store
    }

    @Argument(help: "Where to listen: HOST:PORT, :PORT (everywhere), [IPV6]:PORT, a path, @NAME. Port 0: any.")
    var address: Endpoint = "127.0.0.1:12345"

    @OptionGroup(title: "Model")
    var model: ModelOptions

    @OptionGroup(title: "Workers")
    var supervision: SupervisionOptions

    @OptionGroup(title: "The end")
    var ending: EndingOptions

    @OptionGroup(title: "Readiness")
    var readiness: ReadinessOptions

    @Option(help: ArgumentHelp("What is served.", valueName: "name"))
    var service: Service?

    @OptionGroup(title: "Framing")
    var framing: FramingOptions

    @Option(
        help: ArgumentHelp(
            "Connections at a time; more have to wait.",
            discussion: """
                Default 80% of the descriptor limit less 32, at most 16384; a quarter of that for programs. With \
                thread-pool never more than its threads.
                """))
    var maxConnections: Int?

    @OptionGroup(title: "Limits")
    var limits: LimitOptions

    @Option(help: "Connections that may wait to be accepted. Default: as many as the kernel allows.")
    var backlog: Int?

    @Option(help: "Who else may use the address: exclusive (nobody, not even leftovers), after-time-wait, shared.")
    var reuse: ReusePolicy = .afterTimeWait

    @Option(
        help: ArgumentHelp(
            "End connections that are silent for so long; 0: never.",
            discussion: "Default 60; none on loopback, for discard and for programs.", valueName: "seconds"))
    var idle: Double?

    @Option(help: ArgumentHelp("store: where the files go.", valueName: "dir"))
    var directory: String?

    @Flag(help: "store: replace files that exist.")
    var overwrite = false

    @Flag(name: .shortAndLong, help: "Report every connection.")
    var verbose = false

    @Argument(parsing: .postTerminator, help: "A program to run for each connection, with it as its input and output.")
    var program: [String] = []

    func validate() throws {
        if let mistake = address.mistake { throw ValidationError(mistake.description) }
        if let maxConnections, maxConnections < 1 { throw ValidationError("--max-connections is at least 1.") }
        if let backlog, backlog < 0 { throw ValidationError("--backlog is not negative.") }
        if let idle, !(0...31_536_000).contains(idle) { throw ValidationError("--idle is between 0 and a year.") }
        if !program.isEmpty, service != nil { throw ValidationError("--service and a program exclude each other.") }
        if !program.isEmpty, try framing.chosen() != nil {
            throw ValidationError("--framing has no meaning with a program, which gets the bytes as they are.")
        }
        let model = try model.chosen(byDefault: service == .store ? .threads : .eventLoops())
        try supervision.validate(for: model)
        if (directory != nil || overwrite), service != .store {
            throw ValidationError("--directory and --overwrite go with --service store.")
        }
        if service == .store {
            if directory == nil { throw ValidationError("--service store needs --directory.") }
            if try framing.chosen() != nil { throw ValidationError("store has a framing of its own.") }
        }
        _ = try framing.chosen()
    }

    func run() async throws {
        let plan = try ServicePlan(self)
        let model = try model.chosen(byDefault: plan.defaultModel)
        // Whoever reads its messages may go (`berth serve 2>&1 | head`): the connections stay.
        Kernel.ignoreBrokenPipes()
        var allowed = ServerLimits.default
        allowed.maximumConnections = maxConnections ?? plan.defaultMaximumConnections
        ending.apply(to: &allowed)
        // A terminal on loopback is left alone: people think for longer than a minute.
        allowed.idle = idle.map { $0 == 0 ? nil : .seconds($0) } ?? plan.defaultIdle(on: address)
        limits.apply(to: &allowed, waitsForPeople: plan.defaultIdle(on: address) == nil)
        let announcer = Announcer(plan: plan, model: AskedModel(model, allowed), isVerbose: verbose)
        var configuration = ServerConfiguration(
            reuse: reuse, backlog: backlog, framing: plan.framing, limits: allowed, observers: [announcer])
        configuration.workers = supervision.options
        configuration.readyNotice = readiness.notice
        let server = plan.server(on: address, model: model, configuration)
        do {
            let report = try await server.run()
            announcer.summarise(report)
            if !report.isClean { throw ExitCode(BerthTool.Code.failure.rawValue) }
        } catch let error as ServerError {
            throw CommandFailure(message: error.finding.map { "\(error.cause)\n\($0)" } ?? error.description)
        }
    }
}
