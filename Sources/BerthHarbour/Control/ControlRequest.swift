/// What an operator asks of a harbour.
package enum ControlRequest: Sendable, Hashable {
    case status
    case reload
    /// A program beside or in place of the present one, at a share of the workers in percent; `nil` for all.
    case rollout(program: [String], name: String?, share: Int?)
    case share(Int)
    case finish
    case back
    case scale(Int)
    /// One worker, or all of them and the end.
    case drain(worker: Int?)
    case stop(now: Bool)
    case pause
    case resume
    /// Shows what is allowed, after changing it.
    case limit(LimitChange)

    package var json: JSONValue {
        var members: [JSONValue.Member] = [.init(name: "version", value: .number(ControlReply.version))]
        func add(_ name: String, _ value: JSONValue?) {
            if let value { members.append(.init(name: name, value: value)) }
        }
        switch self {
        case .status: add("verb", .string("status"))
        case .reload: add("verb", .string("reload"))
        case .rollout(let program, let name, let share):
            add("verb", .string("rollout"))
            add("program", .array(program.map { .string($0) }))
            add("name", name.map { .string($0) })
            add("share", share.map { .number($0) })
        case .share(let percent):
            add("verb", .string("share"))
            add("share", .number(percent))
        case .finish: add("verb", .string("finish"))
        case .back: add("verb", .string("back"))
        case .scale(let count):
            add("verb", .string("scale"))
            add("workers", .number(count))
        case .drain(let worker):
            add("verb", .string("drain"))
            add("worker", worker.map { .number($0) })
        case .stop(let now):
            add("verb", .string("stop"))
            add("now", .boolean(now))
        case .pause: add("verb", .string("pause"))
        case .resume: add("verb", .string("resume"))
        case .limit(let change):
            add("verb", .string("limit"))
            members += change.members
        }
        return .object(members)
    }

    /// Why a line is no request.
    package struct Mistake: Error, Sendable, Hashable, CustomStringConvertible {
        package let description: String
    }

    package init(line: String) throws(Mistake) {
        guard let json = JSONValue(parsing: line), let verb = json["verb"]?.text else {
            throw Mistake(description: "a request is one line of JSON with a \"verb\"")
        }
        guard let version = json["version"]?.number, version == ControlReply.version else {
            throw Mistake(description: "this harbour speaks version \(ControlReply.version) of the protocol")
        }
        switch verb {
        case "status": self = .status
        case "reload": self = .reload
        case "finish": self = .finish
        case "back": self = .back
        case "pause": self = .pause
        case "resume": self = .resume
        case "limit": self = .limit(try LimitChange(json))
        case "stop": self = .stop(now: json["now"]?.boolean ?? false)
        case "drain": self = .drain(worker: json["worker"]?.number)
        case "scale":
            guard let count = json["workers"]?.number, (1...1024).contains(count) else {
                throw Mistake(description: "scale takes \"workers\", between 1 and 1024")
            }
            self = .scale(count)
        case "share": self = .share(try Self.percent(json["share"]?.number))
        case "rollout":
            let program = json["program"]?.elements?.compactMap(\.text) ?? []
            guard !program.isEmpty else { throw Mistake(description: "rollout takes a \"program\" with its arguments") }
            let share = json["share"]?.number
            self = .rollout(
                program: program, name: json["name"]?.text,
                share: try share.map { (number) throws(Mistake) in
                    try Self.percent(number)
                })
        default: throw Mistake(description: "there is no verb \"\(verb)\"")
        }
    }

    private static func percent(_ number: Int?) throws(Mistake) -> Int {
        guard let number, (1...100).contains(number) else {
            throw Mistake(description: "a share is between 1 and 100 percent")
        }
        return number
    }
}
