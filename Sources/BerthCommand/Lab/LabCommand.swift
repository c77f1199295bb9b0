internal import ArgumentParser
internal import BerthLab

/// `berth lab`.
struct LabCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lab",
        abstract: "Try out what TCP really does on this kernel: experiments with their packets.",
        discussion: """
            Each experiment takes a claim about TCP, makes it happen in a private network, shows the packets and says \
            whether it is so. Nothing outside of that network is touched, and nothing is left of it.

            It needs root, or a kernel that lets plain users make user namespaces.

            Exit codes: 0 everything is as claimed, 1 something is not, 2 a wrong argument, 3 could not look.

            EXAMPLES
              berth lab
              berth lab run backlog-5
              berth lab run restart --pcap restart.pcap
              berth lab run all
              berth lab show rst-unread-data
            """,
        subcommands: [
            LabListCommand.self, LabRunCommand.self, LabShowCommand.self, LabMatrixCommand.self, LabDocsCommand.self,
            LabPartCommand.self,
        ],
        defaultSubcommand: LabListCommand.self)
}

/// `berth lab` without anything more.
struct LabListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the experiments by theme.")

    @Flag(help: "Write one line of JSON.")
    var json = false

    func run() throws {
        if json {
            var text = JSONText()
            text.add("version", 1)
            text.add("experiments", json: JSONText.array(Catalogue.all.map { $0.json.object }))
            return Talk.data(text.object)
        }
        let width = Catalogue.all.map(\.id.count).max() ?? 0
        var lines: [String] = []
        for theme in Theme.allCases {
            if !lines.isEmpty { lines.append("") }
            lines.append(theme.rawValue)
            for experiment in Catalogue.all where experiment.theme == theme {
                let slow = experiment.kind == .slow ? " (--slow)" : ""
                let padding = String(repeating: " ", count: width - experiment.id.count)
                lines.append("  \(experiment.id)\(padding)  \(experiment.claim)\(slow)")
            }
        }
        Talk.data((lines + ["", "\(Catalogue.all.count) experiments; berth lab run ID"]).joined(separator: "\n"))
    }
}

/// `berth lab show`.
struct LabShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "What an experiment claims, and why it is so, without running it.")

    @Argument(help: "Which one.")
    var id: String

    func run() throws {
        guard let experiment = Catalogue.experiment(id) else { throw ValidationError(LabChoice.unknown(id)) }
        var lines = ["\(experiment.id) (\(experiment.theme.rawValue))", "", "Claim: \(experiment.claim)"]
        if let belief = experiment.belief {
            lines.append("What people say: \(belief)")
            lines.append("That is \(experiment.verdict.words).")
        }
        lines += ["", experiment.explanation, ""]
        switch experiment.kind {
        case .deterministic: break
        case .statistical: lines.append("Its figures vary: they are compared with what chance would give.")
        case .slow: lines.append("It waits for a long timer of the kernel: run it with --slow.")
        }
        for need in experiment.needs { lines.append("It needs \(need.rawValue).") }
        lines.append("Run it:  berth lab run \(experiment.id)")
        lines += experiment.pages.map { "More:    berth explain \($0)" }
        Talk.data(lines.joined(separator: "\n"))
    }
}

/// `berth lab matrix`: `berth why --matrix`, where someone in the lab looks for it.
struct LabMatrixCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "matrix", abstract: "Print the bind rule as a table, beside what this kernel does.")

    func run() throws {
        try LabAccess.obtain()
        try WhyCommand.runMatrix()
    }
}

/// A process that an experiment starts for one of its parts; not for users.
struct LabPartCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "part", shouldDisplay: false)

    @Argument var experiment: String
    @Argument var part: String

    func run() throws { try Part.run(part, of: experiment) }
}
