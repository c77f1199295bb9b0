internal import ArgumentParser
internal import BerthInspect

/// `berth explain`.
struct ExplainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "The long page on a finding (B003) or a concept (time-wait); without a word, a list of them.",
        discussion: """
            EXAMPLES
              berth explain B003
              berth explain TIME_WAIT
              berth explain reuse
            """)

    @Argument(help: "A code or a word.")
    var word: String?

    func run() throws {
        guard let word else {
            var table = TextTable([.left, .left])
            for page in ExplainPage.all { table.add([page.key, page.title]) }
            return Talk.data(table.lines().joined(separator: "\n"))
        }
        guard let page = ExplainPage.find(word) else {
            let near = ExplainPage.near(word).prefix(5).map(\.key)
            throw ValidationError(
                "there is no page on \"\(Printable(word))\""
                    + (near.isEmpty ? "; berth explain lists them." : "; near it: \(near.joined(separator: ", "))."))
        }
        Talk.data("\(page.key): \(page.title)\n\n\(page.text)")
    }
}
