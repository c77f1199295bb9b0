internal import ArgumentParser
internal import BerthInspect
internal import BerthSockets
internal import BerthSystem

/// `berth free`.
struct FreeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "free",
        abstract: "Free a port, by the means that is named; shows what it would do unless --yes is given.",
        discussion: """
            --signal ends the processes that listen on the port, or are bound to it. --destroy-leftovers destroys the \
            connections that no process holds any more (TIME_WAIT and the like) by SOCK_DESTROY, as root: their peers \
            get an RST.

            Exit codes: 0 done, or nothing to do, 1 something is left, 2 a wrong argument, 3 could not look.

            EXAMPLES
              berth free 8080 --signal TERM
              berth free 8080 --signal TERM --yes
              berth free 8080 --destroy-leftovers --yes
            """)

    @Argument(help: "8080 or :8080.")
    var target: String

    @Option(
        help: ArgumentHelp(
            "Send this signal to the processes that hold it: TERM, INT, HUP, QUIT, KILL.", valueName: "name"))
    var signal: SignalName?

    @Flag(help: "Destroy the connections that no process holds.")
    var destroyLeftovers = false

    @Flag(help: "Do it.")
    var yes = false

    @OptionGroup(title: "Network")
    var network: NetworkOptions

    enum SignalName: String, ExpressibleByArgument, CaseIterable {
        case term = "TERM"
        case int = "INT"
        case hup = "HUP"
        case quit = "QUIT"
        case kill = "KILL"

        var number: Int32 {
            switch self {
            case .hup: 1
            case .int: 2
            case .quit: 3
            case .kill: 9
            case .term: 15
            }
        }
    }

    func validate() throws {
        guard case .port = try InspectTarget(target) else { throw ValidationError("free takes a port, not \(target).") }
        if signal == nil, !destroyLeftovers {
            throw ValidationError("say how: --signal TERM ends processes, --destroy-leftovers ends what they left.")
        }
    }

    func run() throws {
        guard case .port(let port) = try InspectTarget(target) else { return }
        let wantsLeftovers = destroyLeftovers
        let (report, entries) = try network.look { () throws(Errno) in
            let report = try PortReport.read(port: port, looksElsewhere: false)
            let entries = wantsLeftovers ? try Leftover.read(port: port) : []
            return (report, entries)
        }
        let plan = FreePlan(report, leftovers: entries, signal: signal?.rawValue)
        if plan.isEmpty {
            Talk.data(plan.nothing)
            if plan.isBlind { throw ExitCode(BerthTool.Code.blind.rawValue) }
            return
        }
        guard yes else {
            Talk.data(plan.steps.map { "would \($0)" }.joined(separator: "\n") + "\nnothing was done: --yes does it")
            return
        }
        let failures = try carryOut(plan)
        if failures > 0 { throw ExitCode(BerthTool.Code.failure.rawValue) }
    }

    private func carryOut(_ plan: FreePlan) throws -> Int {
        var failures = 0
        if let signal {
            for process in plan.processes {
                do throws(Errno) {
                    try Kernel.signal(process.pid, signal.number)
                    Talk.data("sent SIG\(signal.rawValue) to \(process.words)")
                } catch {
                    failures += 1
                    Talk.error("cannot signal \(process.words): \(error)")
                }
            }
        }
        let entries = plan.leftovers.map(\.entry)
        let results = try network.look { () throws(Errno) in
            entries.map { entry in Result { () throws(Errno) in try Netlink.destroy(entry) } }
        }
        for (leftover, result) in zip(plan.leftovers, results) {
            do throws(Errno) {
                try result.get()
                Talk.data("destroyed \(leftover.words)")
            } catch .noSuchFile {
                Talk.data("gone already: \(leftover.words)")
            } catch {
                failures += 1
                Talk.error("cannot destroy \(leftover.words): \(error)")
            }
        }
        return failures
    }
}

/// A connection that no process holds, with what names it to the kernel.
struct Leftover: Sendable {
    var entry: Netlink.SocketEntry
    var words: String

    static func read(port: UInt16) throws(Errno) -> [Leftover] {
        let dump = try Netlink.sockets(.init(localPort: port, wantsInfo: false)) { entry -> Leftover? in
            guard entry.inode == 0, let socket = InspectedSocket(entry),
                [.timeWait, .finWait1, .finWait2, .closing, .lastAck].contains(socket.state)
            else { return nil }
            let peer = socket.remote.map { " with \($0)" } ?? ""
            return Leftover(entry: entry, words: "\(socket.state) \(socket.local)\(peer)")
        }
        return dump.items
    }
}

/// What would be done: a pure value.
struct FreePlan: Sendable {
    struct Target: Sendable, Hashable {
        var pid: Int32
        var words: String
    }

    var processes: [Target] = []
    var leftovers: [Leftover]
    var nothing: String
    /// Somebody holds the port who cannot be seen.
    var isBlind = false
    private let signal: String?

    init(_ report: PortReport, leftovers: [Leftover], signal: String?) {
        self.leftovers = leftovers
        self.signal = signal
        nothing = "nothing to do: \(report.answer)"
        guard signal != nil else { return }
        for holder in report.holders where holder.socket.state == .listen || holder.socket.state == .closed {
            if holder.owners.value == nil {
                isBlind = true
                nothing = "\(holder.socket.local) is held by a process of another user, which only root may see and end"
            }
            for owner in holder.owners.value ?? [] where !processes.contains(where: { $0.pid == owner.process.pid }) {
                let user = owner.process.userName.map { ", user \(Printable($0))" } ?? ""
                processes.append(
                    Target(
                        pid: owner.process.pid,
                        words: "\(Printable(owner.process.name)) (pid \(owner.process.pid)\(user))"))
            }
        }
    }

    var isEmpty: Bool { processes.isEmpty && leftovers.isEmpty }

    var steps: [String] {
        processes.map { "send SIG\(signal ?? "") to \($0.words)" } + leftovers.map { "destroy \($0.words)" }
    }
}
