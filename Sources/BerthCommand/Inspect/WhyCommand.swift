internal import ArgumentParser
internal import BerthInspect
internal import BerthSockets
internal import BerthSystem

/// `berth why`.
struct WhyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "why",
        abstract: "Say who has a port, and what would happen if it were bound now.",
        discussion: """
            Listeners, sockets that are only bound, connections that are left, outgoing connections: whatever holds \
            the port, since when, with which options, and for how long still. Then whether a bind would work, by reuse \
            policy, address and user, and what to do. Most of it needs no rights; which process it is, and its options, \
            only root sees of other users.

            Exit codes: 0 the port is free for a server with SO_REUSEADDR, 1 it is not, 2 a wrong argument, 3 could not \
            look.

            EXAMPLES
              berth why 8080
              berth why [::1]:8080
              berth why 8080 --try
              berth why pid:4112
              berth why /run/app.sock
              berth why --matrix
            """)

    @Argument(help: "8080, :8080, 127.0.0.1:8080, [::1]:8080, pid:4112, /run/app.sock, @name.")
    var target: String?

    @Flag(help: "Ask about UDP.")
    var udp = false

    @Flag(name: .customLong("try"), help: "Really bind by each policy, listen, and close at once.")
    var tries = false

    @Flag(help: "Print the bind rule as a table, beside what this kernel does (in a private network; needs root).")
    var matrix = false

    @Flag(help: "Write one line of JSON.")
    var json = false

    @OptionGroup(title: "Network")
    var network: NetworkOptions

    func validate() throws {
        if matrix {
            if target != nil || tries { throw ValidationError("--matrix takes no port and no --try.") }
            return
        }
        guard let target else { throw ValidationError("give a port, as in: berth why 8080") }
        let parsed = try InspectTarget(target)
        switch parsed {
        case .process, .unix: if tries || udp { throw ValidationError("--try and --udp go with a port.") }
        case .port, .address: break
        }
        if case .address = parsed { _ = try address(of: parsed) }
    }

    func run() throws {
        if matrix { return try Self.runMatrix() }
        guard let target else { return }
        let parsed = try InspectTarget(target)
        switch parsed {
        case .port(let port): try explain(port, nil)
        case .address(_, let port): try explain(port, try address(of: parsed))
        case .process(let pid): try explain(process: pid)
        case .unix: try explain(unix: target)
        }
    }

    /// The one address that is asked about.
    private func address(of target: InspectTarget) throws -> SocketAddress? {
        guard case .address(let host, let port) = target else { return nil }
        let endpoint: Endpoint
        do throws(EndpointError) { endpoint = try Endpoint(parsing: "\(host):\(port)") } catch {
            throw ValidationError(error.description)
        }
        guard case .address(let address) = endpoint.target else {
            throw ValidationError("\(host) is a name; give the numeric address that would be bound.")
        }
        return address
    }

    private func explain(_ port: UInt16, _ address: SocketAddress?) throws {
        let transport: SocketRecord.Transport = udp ? .udp : .tcp
        let isOwn = network.scope == .own
        let tries = tries
        let (report, attempts) = try network.look { () throws(Errno) in
            let report = try PortReport.read(
                port: port, address: address, transport: transport, looksElsewhere: isOwn)
            return (report, tries ? report.attempts() : nil)
        }
        if json {
            Talk.data(report.json(attempts))
        } else {
            Talk.data(report.text)
            if let attempts { Talk.data("\n" + PortReport.text(of: attempts)) }
        }
        if report.isFree != true { throw ExitCode(BerthTool.Code.failure.rawValue) }
    }

    private func explain(process pid: Int32) throws {
        let snapshot = try network.look { () throws(Errno) in try Snapshot.read() }
        guard let report = ProcessReport(pid, in: snapshot) else {
            throw CommandFailure(
                message: ProcessReport.exists(pid)
                    ? "process \(pid) has no TCP or UDP socket that can be seen here\(snapshot.unreadableProcesses > 0 ? " (root sees more)" : "")"
                    : "there is no process \(pid)", code: .blind)
        }
        Talk.data(report.text)
    }

    private func explain(unix text: String) throws {
        let endpoint: Endpoint
        do throws(EndpointError) { endpoint = try Endpoint(parsing: text) } catch {
            throw ValidationError(error.description)
        }
        guard case .address(let address) = endpoint.target else { return }
        let result = try network.look { () throws(Errno) in UnixReport.read(address) }
        Talk.data(result.text)
        if result.isInUse { throw ExitCode(BerthTool.Code.failure.rawValue) }
    }

    /// The tables, also for `berth lab matrix`.
    static func runMatrix() throws {
        let cases = BindCase.all(.tcp) + BindCase.all(.udp)
        let outcomes: [BindExperiment.Outcome]
        do throws(Errno) { outcomes = try BindExperiment.runPrivately(cases) } catch {
            Talk.data(BindMatrix.text(nil))
            throw CommandFailure(
                message: "the kernel could not be asked, so this is the rule alone: a private network needs root "
                    + "(CAP_SYS_ADMIN); \(error)", code: .blind)
        }
        Talk.data(BindMatrix.text(outcomes))
        if outcomes.contains(where: { !$0.agrees }) { throw ExitCode(BerthTool.Code.failure.rawValue) }
    }
}
