internal import ArgumentParser
internal import BerthInspect
internal import BerthLab
internal import BerthSystem

/// `berth lab run`.
struct LabRunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Run experiments and compare what happens with what is claimed.",
        discussion: """
            One experiment is shown whole, with its packets; several as a table. What begins with an id names all \
            experiments that begin so.
            """)

    @Argument(help: "Ids, beginnings of ids, or \"all\".")
    var ids: [String]

    @Flag(help: "Also run those that wait for timers of half a minute and more.")
    var slow = false

    @Option(help: "How many run at once.")
    var jobs: Int?

    @Flag(help: "Write one line of JSON.")
    var json = false

    @Option(help: ArgumentHelp("Write the packets of one experiment for Wireshark.", valueName: "file"))
    var pcap: String?

    @Option(help: ArgumentHelp("Write the diagram of one experiment as an image.", valueName: "file"))
    var svg: String?

    @Option(
        help: ArgumentHelp(
            "Reverse a comparison, counted from 1, to see that the experiment can fail.", valueName: "number"))
    var reverse: Int?

    func validate() throws {
        let experiments = try LabChoice.experiments(ids)
        if experiments.count > 1 {
            for (option, value) in [("--pcap", pcap), ("--svg", svg)] where value != nil {
                throw ValidationError(
                    "\(option) is for one experiment; \(ids.joined(separator: " ")) names \(experiments.count).")
            }
        }
        if let jobs, jobs < 1 { throw ValidationError("--jobs must be at least 1.") }
        if let reverse, reverse < 1 { throw ValidationError("--reverse counts from 1.") }
    }

    func run() throws {
        try LabAccess.obtain()
        let experiments = try LabChoice.experiments(ids)
        var settings = LabSettings()
        settings.runsSlow = slow
        settings.jobs = jobs ?? Kernel.processorCount
        settings.reversed = reverse.map { $0 - 1 }
        // Some experiments open tens of thousands of sockets.
        try? Kernel.raiseDescriptorLimit()
        let reports: [ExperimentReport]
        if experiments.count == 1 {
            let report = experiments[0].run(settings, keepsPackets: true)
            if let pcap { try Self.write(PcapFile.bytes(report.packets), to: pcap) }
            if let svg { try Self.write(Array(Diagram(report.trace).svg.utf8), to: svg) }
            reports = [report]
            if !json { Talk.data(report.text) }
        } else {
            let showsProgress = Kernel.isTerminal(2) && !json
            let count = experiments.count
            let done = Monitor(0)
            reports = try LabRun.run(experiments, settings) { report in
                let number = done.change { done in
                    done += 1
                    return done
                }
                if showsProgress { Talk.draw("\(number) of \(count): \(report.experiment.id)") }
            }
            if !json { Talk.data(ExperimentReport.table(reports)) }
        }
        if json {
            var text = JSONText()
            text.add("version", 1)
            if case .known(let kernel) = HostSettings.read().kernel { text.add("kernel", kernel.description) }
            text.add("experiments", json: JSONText.array(reports.map { $0.json.object }))
            Talk.data(text.object)
        }
        let isFine = reports.allSatisfy { report in
            switch report.result {
            case .held, .skipped: true
            case .failed, .broken: false
            }
        }
        if !isFine { throw ExitCode(BerthTool.Code.failure.rawValue) }
    }

    static func write(_ bytes: [UInt8], to path: String) throws {
        do throws(Errno) {
            let file = try Kernel.open(path, [.write, .create, .truncate])
            let result = bytes.withUnsafeBytes { bytes in
                Result { () throws(Errno) in try unsafe Kernel.writeAll(file.rawValue, bytes) }
            }
            try result.get()
        } catch {
            throw CommandFailure(message: "cannot write \(path): \(error)")
        }
    }
}

/// Which experiments a user means.
enum LabChoice {
    static func experiments(_ ids: [String]) throws -> [Experiment] {
        var chosen: [Experiment] = []
        for id in ids {
            let found = Catalogue.matching(id)
            if found.isEmpty { throw ValidationError(unknown(id)) }
            chosen += found.filter { new in !chosen.contains { $0.id == new.id } }
        }
        if chosen.isEmpty { throw ValidationError("name an experiment, as in: berth lab run backlog-5") }
        return chosen
    }

    static func unknown(_ id: String) -> String { "there is no experiment \"\(Printable(id))\"; berth lab lists them." }
}

extension LabAccess {
    /// Sees to it that private networks can be made, by starting this command again in a user namespace if need be:
    /// then it does not return.
    static func obtain() throws {
        switch probe() {
        case .granted: return
        case .refused(let errno): throw refusal(errno)
        case .throughUserNamespace:
            let end: ProcessEnd
            do throws(Errno) {
                let child = try Kernel.startAsNamespaceRoot(
                    "/proc/self/exe", arguments: CommandLine.arguments,
                    environment: Kernel.environment + ["\(variable)=1"])
                end = try Kernel.waitForEnd(of: child)
            } catch { throw refusal(error) }
            switch end {
            case .exited(let code): terminate(code)
            case .signalled: throw CommandFailure(message: "the lab \(end)", code: .blind)
            }
        }
    }

    private static func refusal(_ errno: Errno) -> CommandFailure {
        CommandFailure(
            message: "experiments need a private network, which takes root (CAP_SYS_ADMIN) or a kernel that lets plain "
                + "users make user namespaces (user.max_user_namespaces above 0); \(errno)", code: .blind)
    }
}
