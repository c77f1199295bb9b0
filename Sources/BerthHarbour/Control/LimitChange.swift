package import BerthSockets

/// What an operator wants to be allowed from now on.
package struct LimitChange: Sendable, Hashable {
    /// The settings that change; `nil` for no limit.
    package var values: [Board.Setting: Int?] = [:]
    /// The lists that change, each as a whole.
    package var allow: [Network]?
    package var deny: [Network]?

    package init() {}

    /// The lists, where one of them changes.
    func access(present: AccessList) -> AccessList? {
        if allow == nil, deny == nil { return nil }
        return AccessList(allow: allow ?? present.allow, deny: deny ?? present.deny)
    }

    var members: [JSONValue.Member] {
        var members: [JSONValue.Member] = []
        if !values.isEmpty {
            let set = Board.Setting.allCases.compactMap { setting in
                values[setting].map { JSONValue.Member(name: setting.name, value: setting.json($0)) }
            }
            members.append(.init(name: "set", value: .object(set)))
        }
        if let allow { members.append(.init(name: "allow", value: Self.json(allow))) }
        if let deny { members.append(.init(name: "deny", value: Self.json(deny))) }
        return members
    }

    init(_ json: JSONValue) throws(ControlRequest.Mistake) {
        for member in json["set"]?.members ?? [] {
            guard let setting = Board.Setting.allCases.first(where: { $0.name == member.name }) else {
                throw ControlRequest.Mistake(description: "there is no limit \"\(member.name)\"")
            }
            if setting == .overload {
                let words = Board.Overload.allCases.map(\.name)
                guard let number = member.value.text.flatMap({ words.firstIndex(of: $0) }) else {
                    throw ControlRequest.Mistake(
                        description: "\"overload\" is one of \(words.joined(separator: ", ")), not \(member.value)")
                }
                values[setting] = number
                continue
            }
            switch member.value {
            case .null: values[setting] = .some(nil)
            case .number(let number) where number >= setting.least && number <= 1 << 40:
                values[setting] = number * setting.unit
            default:
                throw ControlRequest.Mistake(
                    description: "\"\(setting.name)\" takes a number, at least \(setting.least), or null")
            }
        }
        allow = try Self.networks(json["allow"])
        deny = try Self.networks(json["deny"])
    }

    private static func networks(_ json: JSONValue?) throws(ControlRequest.Mistake) -> [Network]? {
        guard let json else { return nil }
        var networks: [Network] = []
        for element in json.elements ?? [] {
            guard let text = element.text, let network = Network(text) else {
                throw ControlRequest.Mistake(description: "\(element) is no block of addresses such as 10.0.0.0/8")
            }
            networks.append(network)
        }
        return networks
    }

    private static func json(_ networks: [Network]) -> JSONValue { .array(networks.map { .string("\($0)") }) }

    /// What is allowed now.
    static func members(of board: Board) -> [JSONValue.Member] {
        let access = board.readAccess().list
        return [
            .init(
                name: "limits",
                value: .object(
                    Board.Setting.allCases.map { .init(name: $0.name, value: $0.json(board[$0])) })),
            .init(name: "allow", value: json(access.allow)), .init(name: "deny", value: json(access.deny)),
        ]
    }
}

extension Board.Setting {
    /// What it is called where limits are written.
    package var name: String {
        switch self {
        case .maximum: "max_connections"
        case .perAddress: "per_address"
        case .overload: "overload"
        case .rate: "rate"
        case .burst: "burst"
        case .firstByte: "first_byte_ms"
        case .frame: "frame_ms"
        case .minimumRate: "minimum_rate"
        case .idle: "idle_ms"
        case .writeStall: "write_stall_ms"
        case .age: "age_ms"
        case .unreadOutput: "unread_output"
        case .queue: "queue_ms"
        case .queueLength: "queue_length"
        case .largestFrame: "max_frame"
        }
    }

    /// How many of what is on the board one of what is written is.
    var unit: Int { name.hasSuffix("_ms") ? 1_000_000 : 1 }

    /// The least that can be asked for; of `per_address` nought is a quarter of the maximum.
    var least: Int { self == .perAddress ? 0 : 1 }

    func json(_ value: Int?) -> JSONValue {
        if self == .overload { return .string((value.flatMap { Board.Overload(rawValue: $0) } ?? .wait).name) }
        return value.map { .number($0 / unit) } ?? .null
    }
}
