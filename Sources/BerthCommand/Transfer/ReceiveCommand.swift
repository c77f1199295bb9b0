internal import ArgumentParser
internal import BerthFraming
internal import BerthServer
internal import BerthSockets
internal import BerthSystem

/// `berth receive`.
struct ReceiveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "receive",
        abstract: "Receive the files that `berth send` sends.",
        discussion: """
            Listens, takes the files of the first sender, and ends. Files go into the directory and nowhere else; one
            that exists is refused unless --overwrite is given. While it is received a file is called NAME.part; it
            gets its name when its SHA-256 is right and its content is on the disk. A transfer that is cut leaves
            NAME.part, which `berth send --resume` continues.

            There is no encryption and no password: whoever can connect can send.

            EXAMPLES
              berth receive
              berth receive :12346 --directory inbox --keep
            """)

    @Argument(help: "Where to listen: HOST:PORT, :PORT (everywhere), [IPV6]:PORT. Port 0: any.")
    var address: Endpoint = "127.0.0.1:12346"

    @Option(help: ArgumentHelp("Where the files go.", valueName: "dir"))
    var directory: String = "."

    @Flag(help: "Replace files that exist.")
    var overwrite = false

    @Flag(help: "Go on after the first sender, until ^C or SIGTERM.")
    var keep = false

    @Option(help: ArgumentHelp("Refuse larger files. Default: whatever there is room for.", valueName: "size"))
    var maxFile: ByteCount?

    @Flag(help: "Write a line of JSON for each file.")
    var json = false

    func validate() throws {
        if let mistake = address.mistake { throw ValidationError(mistake.description) }
    }

    func run() async throws {
        // Who reads what it says may go away; the transfer goes on.
        Kernel.ignoreBrokenPipes()
        let store: Store
        do throws(TransferError) {
            store = try Store(directory: directory, overwrite: overwrite, maximumFile: maxFile ?? .unlimited)
        } catch { throw CommandFailure(message: error.sentence) }

        let reporter = TransferReporter(verb: "received", asJSON: json)
        let server = makeServer(store, reporter)
        do {
            try await server.run()
        } catch let error as ServerError {
            throw CommandFailure(message: error.description)
        }
        if keep { return }
        if reporter.storedCount == 0, !reporter.hasFailed { Talk.say("nothing was received") }
        if reporter.hasFailed || reporter.storedCount == 0 { throw ExitCode(BerthTool.Code.failure.rawValue) }
    }

    private func makeServer(_ store: Store, _ reporter: TransferReporter) -> Server {
        var configuration = ServerConfiguration.default
        configuration.framing = StoreHandler.framing
        configuration.limits.idle = TransferPatience.plain
        // ^C cuts at once: what has come so far is kept, and --resume continues it.
        configuration.limits.drain = .zero
        if !keep { configuration.limits.maximumConnections = 1 }
        configuration.observers = [announcer]

        let stop = StopAfterFirst()
        let keep = keep
        let server = Server(on: address, model: .threads, configuration: configuration) {
            let report = reporter.observer()
            return StoreHandler(store) { event in
                report(event)
                // A connection without a file, such as a port scanner's, is not the sender that is waited for.
                if case .sessionEnded(let files, _) = event, files > 0, !keep { stop.now() }
            }
        }
        stop.server.withLock { $0 = server }
        return server
    }

    private var announcer: ClosureObserver {
        let directory = directory
        return ClosureObserver { event in
            switch event {
            case .listening(let address, _, _):
                Talk.say("receiving on \(address) into \(directory)")
                Talk.say("try: berth send FILE \(Self.reachable(address))")
            case .refused(let peer, let reason):
                Talk.say("refused \(peer?.description ?? "a connection"): \(reason)")
            default: break
            }
        }
    }

    /// What to type on the other side: a wildcard is no address to connect to.
    static func reachable(_ address: SocketAddress) -> String {
        guard address.isWildcard, let port = address.port else { return address.description }
        return "THIS-HOST:\(port)"
    }
}

/// Ends a server from one of its handlers, which exist only after it.
private final class StopAfterFirst: Sendable {
    let server = Monitor<Server?>(nil)

    func now() { server.withLock { $0 }?.stop() }
}
