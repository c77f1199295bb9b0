internal import BerthSockets

/// What a harbour's status looks like for people.
package enum StatusTable {
    /// The lines, without the line breaks.
    package static func lines(_ status: JSONValue) -> [String] {
        let counts = status["counts"]
        var lines = [
            "\(status["address"]?.text ?? "?"): \(status["layout"]?.text ?? "?"), \(status["state"]?.text ?? "?"), "
                + "harbour pid \(number(status["pid"])), up \(age(status["age_seconds"])); "
                + "\(number(counts?["active"]))\(status["maximum"]?.number.map { " of \($0)" } ?? "") open, \(number(counts?["accepted"])) accepted, "
                + "\(number(counts?["refused"])) refused"
        ]
        let outcomes = counts?["outcomes"]?.members ?? []
        if !outcomes.isEmpty {
            lines.append("ended: " + outcomes.map { "\($0.value) \($0.name)" }.joined(separator: ", "))
            if let bytes = counts?["bytes"] { lines.append("with \(account(bytes))") }
        }
        let refusals = counts?["refusals"]?.members ?? []
        if !refusals.isEmpty {
            lines.append("refused: " + refusals.map { "\($0.value) \($0.name)" }.joined(separator: ", "))
        }
        let workers = status["workers"]?.elements ?? []
        lines += table(
            [["WORKER", "PID", "VERSION", "STATE", "AGE", "BERTHS", "OPEN", "ACCEPTED"]]
                + workers.map { worker in
                    [
                        "\(number(worker["worker"]))", "\(number(worker["pid"]))", worker["generation"]?.text ?? "?",
                        worker["state"]?.text ?? "?", age(worker["age_seconds"]),
                        berths(worker["berths"]), "\(number(worker["counts"]?["active"]))",
                        "\(number(worker["counts"]?["accepted"]))",
                    ]
                })
        lines += table(
            [["BERTH", "ADDRESS", "WAITING", "LIMIT"]]
                + (status["berths"]?.elements ?? []).map { berth in
                    [
                        "\(number(berth["berth"]))", berth["address"]?.text ?? "?", "\(number(berth["waiting"]))",
                        "\(number(berth["limit"]))",
                    ]
                })
        return lines
    }

    private static func number(_ value: JSONValue?) -> Int { value?.number ?? 0 }

    private static func account(_ bytes: JSONValue) -> ByteAccount {
        ByteAccount(
            received: number(bytes["received"]), sent: number(bytes["sent"]), discarded: number(bytes["discarded"]),
            unacknowledged: number(bytes["unacknowledged"]), unsent: number(bytes["unsent"]))
    }

    private static func berths(_ value: JSONValue?) -> String {
        let numbers = (value?.elements ?? []).compactMap(\.number)
        return numbers.isEmpty ? "-" : numbers.map(String.init).joined(separator: ",")
    }

    /// Two units at most: `42 s`, `3 min 20 s`, `2 h 5 min`, `4 d 1 h`.
    static func age(_ value: JSONValue?) -> String {
        let seconds = number(value)
        if seconds < 60 { return "\(seconds) s" }
        if seconds < 3600 { return "\(seconds / 60) min \(seconds % 60) s" }
        if seconds < 86_400 { return "\(seconds / 3600) h \(seconds % 3600 / 60) min" }
        return "\(seconds / 86_400) d \(seconds % 86_400 / 3600) h"
    }

    private static func table(_ rows: [[String]]) -> [String] {
        let widths = (rows.first ?? []).indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            let cells = zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
            return cells.joined(separator: "  ").trimmingEnd
        }
    }
}

extension String {
    fileprivate var trimmingEnd: String {
        var copy = self
        while copy.hasSuffix(" ") { copy.removeLast() }
        return copy
    }
}
