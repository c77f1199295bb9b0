internal import BerthSockets
internal import BerthSystem

/// What a service allows, for people.
package enum LimitTable {
    /// The lines, without the line breaks.
    package static func lines(_ reply: JSONValue) -> [String] {
        let limits = reply["limits"]
        func number(_ setting: Board.Setting) -> Int? { limits?[setting.name]?.number }
        func count(_ setting: Board.Setting) -> String { number(setting).map(String.init) ?? "any number" }
        func time(_ setting: Board.Setting) -> String {
            number(setting).map { Duration.milliseconds($0).short } ?? "as long as it takes"
        }
        let perAddress =
            number(.perAddress) == 0 ? "a quarter of them, any number from this machine" : count(.perAddress)
        let rate = number(.rate).map { "\($0) a second, \(number(.burst) ?? $0) at once" } ?? "as they come"
        let rows = [
            ("connections", count(.maximum)), ("of one address", perAddress), ("accepted", rate),
            ("beyond that", overload(limits)),
            ("allowed", blocks(reply["allow"]) ?? "everybody"), ("denied", blocks(reply["deny"]) ?? "nobody"),
            ("first byte", time(.firstByte)), ("whole frame", time(.frame)),
            ("minimum rate", number(.minimumRate).map { "\($0) bytes a second" } ?? "none"),
            ("largest frame", number(.largestFrame).map { "\($0) bytes" } ?? "as the framing says"),
            ("idle", time(.idle)), ("write stall", time(.writeStall)), ("age", time(.age)),
            ("unread output", number(.unreadOutput).map { "\($0) bytes" } ?? "any number of bytes"),
        ]
        return rows.map { "\($0.0):" + String(repeating: " ", count: 16 - $0.0.count) + $0.1 }
    }

    /// What becomes of those beyond it.
    private static func overload(_ limits: JSONValue?) -> String {
        switch limits?[Board.Setting.overload.name]?.text {
        case "refuse": return "reset"
        case "farewell": return "told so, or reset where the service has no words for it"
        case "queue":
            let time = limits?[Board.Setting.queue.name]?.number ?? 5000
            return "accepted, and reset after waiting for \(Duration.milliseconds(time).short)"
        default: return "wait in the kernel"
        }
    }

    private static func blocks(_ json: JSONValue?) -> String? {
        let texts = json?.elements?.compactMap(\.text) ?? []
        return texts.isEmpty ? nil : texts.joined(separator: ", ")
    }
}
