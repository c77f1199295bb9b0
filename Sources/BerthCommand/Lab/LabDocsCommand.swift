internal import ArgumentParser
internal import BerthLab
internal import BerthSystem

/// `berth lab docs`: writes docs/lab.
struct LabDocsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "docs", abstract: "Write a page for each experiment, with its diagram.",
        discussion: """
            Texts come from the experiments and diagrams from a run of each; both are the same each time. --check \
            compares them with what is there.
            """)

    @Argument(help: "The directory.")
    var directory: String

    @Flag(help: "Write nothing, and say what is not current.")
    var check = false

    @Flag(help: "Leave the diagrams alone, for which the experiments are run.")
    var texts = false

    func run() throws {
        var files = LabPages.texts
        if !texts {
            try LabAccess.obtain()
            try? Kernel.raiseDescriptorLimit()
            for report in try LabRun.run(Catalogue.all) {
                switch report.result {
                case .held: break
                // A machine without a second user, say, cannot tell anything about that diagram.
                case .skipped: continue
                case .failed, .broken: throw CommandFailure(message: report.verdictLine)
                }
                if let svg = LabPages.diagram(of: report) { files["\(report.experiment.id).svg"] = svg }
            }
        }
        if check { return try compare(files) }
        for (name, text) in files { try LabRunCommand.write(Array(text.utf8), to: "\(directory)/\(name)") }
    }

    private func compare(_ files: [String: String]) throws {
        var stale: [String] = []
        for (name, text) in files.sorted(by: { $0.key < $1.key }) {
            let there = try? Kernel.contents(of: "\(directory)/\(name)")
            if there != Array(text.utf8) { stale.append("\(directory)/\(name)") }
        }
        let names = (try? Kernel.names(inDirectory: directory)) ?? []
        let pages = names.filter { $0.hasSuffix(".md") && files[$0] == nil }.sorted()
        if stale.isEmpty, pages.isEmpty { return Talk.say("\(directory): \(files.count) files, all current") }
        for name in stale { Talk.say("\(name) is not what the experiments say: run berth lab docs \(directory)") }
        for name in pages { Talk.say("\(directory)/\(name) belongs to no experiment") }
        throw ExitCode(BerthTool.Code.failure.rawValue)
    }
}
