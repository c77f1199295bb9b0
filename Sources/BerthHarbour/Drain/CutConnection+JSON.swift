internal import BerthSockets
internal import BerthSystem

// How a worker tells its harbour.
extension CutConnection {
    var json: JSONValue {
        .fields([
            "number": .number(Int(clamping: number)), "peer": .string(peer.description), "age": Self.json(age),
            "silence": silence.map(Self.json) ?? .null, "unread": .number(unread), "unsent": .number(unsent),
            "activity": .string(activity.rawValue), "end": .string(end.rawValue),
        ])
    }

    /// `nil` for what is none: another version's, perhaps.
    init?(_ json: JSONValue) {
        guard let number = json["number"]?.number, number >= 0,
            let peer = json["peer"]?.text.flatMap(Self.address),
            let age = json["age"]?.number, let unread = json["unread"]?.number, let unsent = json["unsent"]?.number,
            let activity = json["activity"]?.text.flatMap({ Activity(rawValue: $0) }),
            let end = json["end"]?.text.flatMap({ End(rawValue: $0) })
        else { return nil }
        self.init(
            number: UInt64(number), peer: peer, age: .milliseconds(age),
            silence: json["silence"]?.number.map { .milliseconds($0) }, unread: unread, unsent: unsent,
            activity: activity, end: end)
    }

    private static func json(_ time: Duration) -> JSONValue { .number(Int(time.wholeNanoseconds / 1_000_000)) }

    private static func address(_ text: String) -> SocketAddress? {
        if case .address(let address)? = (try? Endpoint(parsing: text))?.target { return address }
        return nil
    }
}
