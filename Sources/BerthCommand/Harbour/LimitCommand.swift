internal import ArgumentParser
internal import BerthHarbour
internal import BerthSockets

/// `berth limit`.
struct LimitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "limit",
        abstract: "Show what a service allows, and change it while it runs, for all workers at once.",
        discussion: """
            Nobody is cut off by a limit that is lowered: fewer come, and deadlines are those of connections that come from \
            then on. "none" is no limit. It lasts until the harbour ends.

            EXAMPLES
              berth limit :8080
              berth limit :8080 --max-connections 500 --per-address 20
              berth limit :8080 --rate 100 --burst 200 --overload refuse
              berth limit :8080 --deny 203.0.113.0/24 --deny 2001:db8::/32
              berth limit :8080 --deny none --idle none
            """)

    @OptionGroup var harbour: HarbourChoice

    @Option(help: ArgumentHelp("Connections at a time, in all workers together.", valueName: "count"))
    var maxConnections: LimitValue?

    @Option(
        help: ArgumentHelp(
            "Connections of one address, an IPv6 one by its /64; \"auto\": a quarter of the maximum, none from this machine.",
            valueName: "count"))
    var perAddress: LimitValue?

    @Option(help: ArgumentHelp("Connections a second.", valueName: "count"))
    var rate: LimitValue?

    @Option(help: ArgumentHelp("Connections that may come at once after a pause.", valueName: "count"))
    var burst: LimitValue?

    @Option(
        help: ArgumentHelp(
            "What becomes of connections beyond these: wait (in the kernel), refuse (reset), farewell (the words of serve "
                + "--farewell), queue (accepted, reset after a time).", valueName: "what"))
    var overload: Board.Overload?

    @Option(help: ArgumentHelp("The same as --overload queue, and the time.", valueName: "seconds"))
    var queue: LimitTime?

    @Option(help: ArgumentHelp("How long a connection may be without its first byte.", valueName: "seconds"))
    var firstByte: LimitTime?

    @Option(help: ArgumentHelp("How long a message may take from its first byte to its last.", valueName: "seconds"))
    var frameTime: LimitTime?

    @Option(
        help: ArgumentHelp(
            "The largest message of connections that come from then on; \"none\": what serve was told.",
            valueName: "bytes"))
    var maxFrame: LimitValue?

    @Option(help: ArgumentHelp("Bytes a second that a message has to come with.", valueName: "bytes"))
    var minRate: LimitValue?

    @Option(help: ArgumentHelp("How long a connection may be silent.", valueName: "seconds"))
    var idle: LimitTime?

    @Option(help: ArgumentHelp("How long a peer may read nothing of what is sent.", valueName: "seconds"))
    var writeStall: LimitTime?

    @Option(help: ArgumentHelp("How old a connection may become.", valueName: "seconds"))
    var age: LimitTime?

    @Option(
        help: ArgumentHelp(
            "How much may be unsent of a connection whose handler does not wait for its peer.", valueName: "bytes"))
    var unreadOutput: LimitValue?

    @Option(help: ArgumentHelp("Addresses that may connect, and no others; repeated for more.", valueName: "block"))
    var allow: [NetworkArgument] = []

    @Option(help: ArgumentHelp("Addresses that may not connect; repeated for more.", valueName: "block"))
    var deny: [NetworkArgument] = []

    @Flag(help: "As one line of JSON, with a version.")
    var json = false

    private var change: LimitChange {
        var change = LimitChange()
        func set(_ setting: Board.Setting, _ value: LimitValue?) {
            if let value { change.values[setting] = value.number }
        }
        func set(_ setting: Board.Setting, _ value: LimitTime?) {
            if let value { change.values[setting] = value.nanoseconds }
        }
        set(.maximum, maxConnections)
        set(.perAddress, perAddress)
        set(.rate, rate)
        set(.burst, burst)
        set(.firstByte, firstByte)
        set(.frame, frameTime)
        set(.largestFrame, maxFrame)
        set(.minimumRate, minRate)
        set(.idle, idle)
        set(.writeStall, writeStall)
        set(.age, age)
        set(.unreadOutput, unreadOutput)
        set(.queue, queue)
        if let what = overload ?? (queue.map { _ in .queue }) { change.values[.overload] = what.rawValue }
        if !allow.isEmpty { change.allow = allow.compactMap(\.network) }
        if !deny.isEmpty { change.deny = deny.compactMap(\.network) }
        return change
    }

    func validate() throws {
        if queue != nil, let overload, overload != .queue {
            throw ValidationError("--queue is --overload queue with a time, and not --overload \(overload.name).")
        }
        if let queue, queue.nanoseconds == nil { throw ValidationError("--queue needs a time.") }
    }

    func run() throws {
        let answer = try harbour.ask(.limit(change))
        Talk.data(json ? "\(answer)" : LimitTable.lines(answer).joined(separator: "\n"))
    }
}

extension Board.Overload: ExpressibleByArgument {
    package init?(argument: String) {
        guard let word = Self.allCases.first(where: { $0.name == argument }) else { return nil }
        self = word
    }

    package static var allValueStrings: [String] { allCases.map(\.name) }
}

/// A number that is at least 1, `none`, or `auto`.
struct LimitValue: ExpressibleByArgument, Sendable {
    let number: Int?

    init?(argument: String) {
        if argument == "none" {
            number = nil
        } else if argument == "auto" {
            number = 0
        } else if let value = Int(argument), value >= 1 {
            number = value
        } else {
            return nil
        }
    }
}

/// Seconds above nought, or `none`.
struct LimitTime: ExpressibleByArgument, Sendable {
    let nanoseconds: Int?

    init?(argument: String) {
        if argument == "none" || argument == "0" {
            nanoseconds = nil
        } else if let value = Double(argument), (0.001...31_536_000).contains(value) {
            nanoseconds = Int(value * 1e9)
        } else {
            return nil
        }
    }

    var duration: Duration? { nanoseconds.map { .nanoseconds($0) } }
}

/// A block of addresses, or `none`, which is an empty list.
struct NetworkArgument: ExpressibleByArgument, Sendable {
    let network: Network?

    init?(argument: String) {
        if argument == "none" {
            network = nil
        } else if let network = Network(argument) {
            self.network = network
        } else {
            return nil
        }
    }
}
