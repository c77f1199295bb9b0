/// The pages of docs/lab: a list, and one for each experiment.
package enum LabPages {
    /// The texts, by the name of their file.
    package static var texts: [String: String] {
        var files = ["README.md": index]
        for experiment in Catalogue.all { files["\(experiment.id).md"] = page(experiment) }
        return files
    }

    /// The image of a run; `nil` for an experiment whose page has none.
    package static func diagram(of report: ExperimentReport) -> String? {
        report.experiment.hasDiagram ? Diagram(report.trace, isStable: true).svg : nil
    }

    private static var index: String {
        var lines = [
            "# The lab", "",
            "What TCP does on Linux, as experiments that anyone can run: `berth lab run ID`. These pages are written by",
            "`berth lab docs docs/lab`.",
        ]
        for theme in Theme.allCases {
            let members = Catalogue.all.filter { $0.theme == theme }
            if members.isEmpty { continue }
            lines += ["", "## \(theme.rawValue)", ""]
            lines += members.map { "- [\($0.id)](\($0.id).md): \($0.claim)" }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func page(_ experiment: Experiment) -> String {
        var lines = ["# \(experiment.id)", "", "**\(experiment.claim)**"]
        if let belief = experiment.belief {
            lines += ["", "What people say: \(belief) That is **\(experiment.verdict.words)**."]
        }
        if experiment.hasDiagram {
            lines += ["", "![What happens, step by step](\(experiment.id).svg)"]
        }
        lines += ["", experiment.explanation]
        switch experiment.kind {
        case .deterministic: break
        case .statistical: lines += ["", "Its figures vary from run to run; they are compared with what chance gives."]
        case .slow: lines += ["", "It waits for a long timer of the kernel, and runs with `--slow` alone."]
        }
        lines += ["", "    berth lab run \(experiment.id)\(experiment.kind == .slow ? " --slow" : "")"]
        if !experiment.pages.isEmpty {
            lines += ["", "More: " + experiment.pages.map { "[\($0)](../explain/\($0).md)" }.joined(separator: ", ")]
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
