internal import BerthSockets

/// The bind rule as a table to read, with what the kernel says beside it.
package enum BindMatrix {
    /// A case in words, for a report of a disagreement.
    package static func words(_ outcome: BindExperiment.Outcome) -> String {
        let scene = outcome.scene
        let user = scene.isOtherUser ? ", other user" : ""
        return "\(scene.transport == .tcp ? "TCP" : "UDP") \(scene.held.name) (\(short(scene.heldOptions))) "
            + "\(scene.situation.rawValue), then \(scene.wanted.name) (\(short(scene.wantedOptions)))\(user): rule "
            + "\(scene.prediction ? "OK" : "in use"), kernel \(outcome.observed ? "OK" : "in use")"
    }

    static func short(_ options: ReuseOptions) -> String {
        switch (options.reuseAddress, options.reusePort) {
        case (false, false): "-"
        case (true, false): "RA"
        case (false, true): "RP"
        case (true, true): "RA+RP"
        }
    }

    /// A column: what A is, and which options both have.
    private struct Column {
        var title: String
        var situation: BindCase.Situation
        var held: ReuseOptions
        var wanted: ReuseOptions
        var isOtherUser = false
    }

    private static let none = ReuseOptions(reuseAddress: false, reusePort: false)
    private static let address = ReuseOptions(reuseAddress: true, reusePort: false)
    private static let port = ReuseOptions(reuseAddress: false, reusePort: true)

    private static let tcpColumns = [
        Column(title: "neither", situation: .listening, held: none, wanted: none),
        Column(title: "RA on B only", situation: .timeWait, held: none, wanted: address),
        Column(title: "RA both, A bound", situation: .bound, held: address, wanted: address),
        Column(title: "A listening", situation: .listening, held: address, wanted: address),
        Column(title: "A's TIME_WAIT", situation: .timeWait, held: address, wanted: address),
        Column(title: "RP both", situation: .listening, held: port, wanted: port),
        Column(title: "RP, other user", situation: .listening, held: port, wanted: port, isOtherUser: true),
    ]
    private static let udpColumns = [
        Column(title: "neither", situation: .bound, held: none, wanted: none),
        Column(title: "RA on B only", situation: .bound, held: none, wanted: address),
        Column(title: "RA both", situation: .bound, held: address, wanted: address),
        Column(title: "RA, other user", situation: .bound, held: address, wanted: address, isOtherUser: true),
        Column(title: "RP both", situation: .bound, held: port, wanted: port),
        Column(title: "RP, other user", situation: .bound, held: port, wanted: port, isOtherUser: true),
    ]
    /// The pairs of addresses in the order of the article's table, then what it leaves out.
    private static let articleRows = [
        ("127.0.0.1", "127.0.0.1"), ("127.0.0.1", "127.0.0.2"), ("127.0.0.2", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"),
        ("127.0.0.1", "0.0.0.0"), ("0.0.0.0", "0.0.0.0"),
    ]
    private static let otherRows = [
        ("[::]", "0.0.0.0"), ("[::]", "127.0.0.1"), ("0.0.0.0", "[::]"), ("[::]", "[::]"), ("[::]", "[::1]"),
        ("[::1]", "[::1]"), ("[::1]", "127.0.0.1"), ("[::] only", "0.0.0.0"), ("[::] only", "[::]"),
    ]

    /// The tables.
    ///
    /// - Parameter outcomes: what the kernel said; `nil` for the rule alone.
    package static func text(_ outcomes: [BindExperiment.Outcome]?) -> String {
        var observed: [BindCase: Bool] = [:]
        for outcome in outcomes ?? [] { observed[outcome.scene] = outcome.observed }
        var lines = [
            "A holds the port, B binds and listens. RA is SO_REUSEADDR, RP is SO_REUSEPORT.",
            "TCP: the article's rows, then dual stack",
        ]
        lines += table(.tcp, articleRows + otherRows, tcpColumns, observed)
        lines += ["", "UDP"] + table(.udp, articleRows + otherRows, udpColumns, observed)
        guard let outcomes else {
            return (lines + ["", "this is the rule; the kernel was not asked"]).joined(separator: "\n")
        }
        let wrong = outcomes.filter { !$0.agrees }
        lines += [
            "",
            "\(outcomes.count) cases run on this kernel (every address above, options of both sides, states bound, "
                + "listening, ESTABLISHED, FIN_WAIT2, CLOSE_WAIT and TIME_WAIT, same and other user): "
                + "\(counted(wrong.count, "disagreement"))",
        ]
        lines += wrong.prefix(20).map { "  \(words($0))" }
        return lines.joined(separator: "\n")
    }

    private static func table(
        _ transport: SocketRecord.Transport, _ pairs: [(String, String)], _ columns: [Column],
        _ observed: [BindCase: Bool]
    ) -> [String] {
        let forms = Dictionary(uniqueKeysWithValues: BindCase.forms.map { ($0.name, $0) })
        var rows = [["A", "B"] + columns.map(\.title)]
        for (held, wanted) in pairs {
            guard let held = forms[held], let wanted = forms[wanted] else { continue }
            rows.append(
                [held.name, wanted.name]
                    + columns.map { column in
                        let scene = BindCase(
                            transport: transport, held: held, heldOptions: column.held, situation: column.situation,
                            wanted: wanted, wantedOptions: column.wanted, isOtherUser: column.isOtherUser)
                        let rule = scene.prediction ? "OK" : "in use"
                        guard let kernel = observed[scene], kernel != scene.prediction else { return rule }
                        return "\(rule), kernel \(kernel ? "OK" : "in use")"
                    })
        }
        let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            "  "
                + row.enumerated().map { column, cell in
                    column == row.count - 1 ? cell : cell + String(repeating: " ", count: widths[column] - cell.count)
                }.joined(separator: "  ")
        }
    }
}
