internal import ArgumentParser
internal import BerthFraming
internal import BerthSockets
internal import BerthSystem

/// `berth bench`.
struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Load an echo service, check every byte that comes back, and tell rates and latencies.",
        discussion: """
            The service has to send every message back, as `berth serve --service echo` does. Each message carries \
            the numbers of its connection and of itself, so that a lost, doubled or mistaken reply is seen.

            Without --rate a message is sent whenever a reply makes room for it (closed loop): for how much a \
            service can do. With --rate messages are due on a schedule, and latencies count from when they were due, \
            sent or not (open loop, no coordinated omission): for how fast it answers what its users ask.

            ^C ends early and reports what there is. The exit code is 1 when anything failed or came back wrong.

            EXAMPLES
              berth bench :12345
              berth bench :12345 --framing length-prefix --depth 16 --size 1KiB
              berth bench :12345 --rate 20000 --connections 200 --duration 30
              berth bench :12345 --churn
              berth bench :12345 --json --server-pid "$(pidof berth)"
              berth bench --compare-models --framing length-prefix
            """)

    @Argument(help: "The service: HOST:PORT, :PORT (loopback), [IPV6]:PORT, a path, @NAME.")
    var address: Endpoint?

    @Option(help: "Connections at a time.")
    var connections = 64

    @Option(help: ArgumentHelp("The body of each message; the framing adds its own. Default 64.", valueName: "bytes"))
    var size: ByteCount?

    @Option(help: "Messages of a connection that may be without a reply.")
    var depth = 1

    @Option(help: ArgumentHelp("Send so many messages a second on a schedule.", valueName: "per-second"))
    var rate: Double?

    @Flag(help: "Make a connection for each message.")
    var churn = false

    @OptionGroup(title: "Framing")
    var framing: FramingOptions

    @Option(help: ArgumentHelp("Measure for so long.", valueName: "seconds"))
    var duration: Double = 10

    @Option(help: ArgumentHelp("Load it for so long before measuring.", valueName: "seconds"))
    var warmup: Double = 1

    @Option(help: ArgumentHelp("Count a connection that brings nothing for so long as failed.", valueName: "seconds"))
    var stall: Double = 5

    @Option(help: "Threads of the generator.")
    var threads = 1

    @Option(help: ArgumentHelp("Tell the CPU time of this process too: the service's.", valueName: "pid"))
    var serverPid: Int32?

    @Flag(help: "Tell every second.")
    var series = false

    @Flag(help: "Write one line of JSON, with every second in it.")
    var json = false

    @Flag(help: "Serve each model of `berth serve` in turn, and compare their rates, CPU times and latencies.")
    var compareModels = false

    func validate() throws {
        if let mistake = address?.mistake { throw ValidationError(mistake.description) }
        if address?.port == 0 { throw ValidationError("port 0 can be listened on, but not connected to.") }
        if compareModels, address != nil || serverPid != nil {
            throw ValidationError("--compare-models serves by itself and takes neither an address nor --server-pid.")
        }
        if !compareModels, address == nil {
            throw ValidationError("give the address of a service, as in: berth bench 127.0.0.1:12345")
        }
        if let serverPid, ProcessorTime.ofProcess(serverPid) == nil {
            throw ValidationError("--server-pid: there is no process \(serverPid).")
        }
        try validateAmounts()
        _ = try template(for: try plan(to: .unnamed))
    }

    private func validateAmounts() throws {
        if !(1...1_000_000).contains(connections) { throw ValidationError("--connections is between 1 and 1000000.") }
        if !(1...65_536).contains(depth) { throw ValidationError("--depth is between 1 and 65536.") }
        if connections * depth > 1 << 24 {
            throw ValidationError("--connections times --depth is at most 16777216, which take 128 MiB.")
        }
        if !(1...256).contains(threads) || threads > connections {
            throw ValidationError("--threads is between 1 and 256, and at most the number of connections.")
        }
        if !(0.01...86_400).contains(duration) {
            throw ValidationError("--duration is between 0.01 and 86400 seconds.")
        }
        if !(0...86_400).contains(warmup) { throw ValidationError("--warmup is between 0 and 86400 seconds.") }
        if !(0.01...86_400).contains(stall) { throw ValidationError("--stall is between 0.01 and 86400 seconds.") }
        if let rate, !(0.001...1e8).contains(rate) { throw ValidationError("--rate is between 0.001 and 100000000.") }
        if churn, depth > 1 {
            throw ValidationError("--churn has one message on each connection: --depth has to be 1.")
        }
        if framing.kind == .untilClose, !churn {
            throw ValidationError("--framing until-close has one message on each connection: it needs --churn.")
        }
    }

    /// What is to be done to the service at `address`.
    func plan(to address: SocketAddress) throws -> LoadPlan {
        var plan = LoadPlan(address: address)
        plan.connections = connections
        plan.depth = depth
        plan.pace = rate.map { .open(perSecond: $0) } ?? .closed
        plan.isChurning = churn
        plan.threads = threads
        plan.framing = try framing.chosen() ?? .raw
        plan.isHalfClosing = framing.kind == .untilClose
        plan.bodyCount = (size ?? framing.fixedSize ?? .bytes(64)).bytes
        plan.duration = .seconds(duration)
        plan.warmUp = .seconds(warmup)
        plan.stallLimit = .seconds(stall)
        return plan
    }

    func template(for plan: LoadPlan) throws -> MessageTemplate {
        guard (1...(256 << 20)).contains(plan.bodyCount) else {
            throw ValidationError("--size is between 1 and 256MiB.")
        }
        let marks = try framing.marks
        if let marks, Set(marks).count > 240 {
            throw ValidationError("--delimiter leaves too few bytes that a message could be made of.")
        }
        do throws(FramingError) {
            return try MessageTemplate(framing: plan.framing, bodyCount: plan.bodyCount, forbidden: marks)
        } catch {
            throw ValidationError("--size: \(error).")
        }
    }

    func run() throws {
        try makeRoomForDescriptors()
        if compareModels { return try compare() }
        guard let address else { return }
        let plan = try plan(to: try reach(address))
        let result = try measure(LoadRun(plan: plan, template: try template(for: plan), serverProcess: serverPid))
        if let warning = result.warning { Talk.say(warning) }
        Talk.data(json ? result.json : result.text)
        if series, !json { Talk.data("\n" + result.seriesText) }
        if !result.isFine { throw ExitCode(BerthTool.Code.failure.rawValue) }
    }

    /// Connects once: a mistake is told with all that connecting knows of it, before a load is made for nobody.
    private func reach(_ address: Endpoint) throws -> SocketAddress {
        do throws(SocketError) {
            let socket = try TCPSocket.connect(to: address, within: .seconds(stall))
            let peer = socket.peer
            socket.close()
            return peer
        } catch {
            throw CommandFailure(message: error.description)
        }
    }

    /// Shows each second on a terminal.
    func measure(_ run: LoadRun) throws -> LoadResult {
        var run = run
        if Terminal.error.isTerminal { run.onSecond = { Talk.draw($0.progress) } }
        do throws(Errno) { return try run.run() } catch {
            throw CommandFailure(message: "cannot make load: \(error)")
        }
    }

    /// Raises our own soft limit of descriptors where the connections need more.
    private func makeRoomForDescriptors() throws {
        let needed = connections + 64
        let limit = Kernel.descriptorLimit
        guard limit < needed else { return }
        do throws(Errno) { try Kernel.setDescriptorLimit(needed) } catch {
            throw CommandFailure(
                message: "\(connections) connections need \(needed) descriptors, and the limit is \(limit); "
                    + "raise it with ulimit -n")
        }
    }
}
