internal import ArgumentParser
internal import BerthFraming
internal import BerthServer
internal import BerthSockets

/// What a service allows: the options of `berth serve` beside the maximum of connections and the idle time.
struct LimitOptions: ParsableArguments {
    @Flag(help: "Reset connections above --max-connections or --rate instead of letting them wait.")
    var refuse = false

    @Option(help: ArgumentHelp("The same, but tell them this line before.", valueName: "text"))
    var farewell: String?

    @Option(
        help: ArgumentHelp(
            "Accept connections above them, keep them for so long at most, and reset them then.", valueName: "seconds"))
    var queue: Double?

    @Option(
        help: ArgumentHelp(
            "Connections of one address, an IPv6 one by its /64; \"none\" for any number.",
            discussion: "Default \"auto\": a quarter of the maximum, and any number from this machine.",
            valueName: "count"))
    var perAddress: LimitValue?

    @Option(help: ArgumentHelp("Connections a second.", valueName: "count"))
    var rate: LimitValue?

    @Option(
        help: ArgumentHelp(
            "Connections that may come at once after a pause. Default: as many as --rate.", valueName: "count"))
    var burst: LimitValue?

    @Option(
        help: ArgumentHelp(
            "Addresses that may connect, and no others, such as 10.0.0.0/8; repeated for more.", valueName: "block"))
    var allow: [NetworkArgument] = []

    @Option(help: ArgumentHelp("Addresses that may not connect; repeated for more.", valueName: "block"))
    var deny: [NetworkArgument] = []

    @Option(
        help: ArgumentHelp(
            "How long a connection may be without its first byte; 0: for ever. Default 10; for ever on loopback.",
            valueName: "seconds"))
    var firstByte: LimitTime?

    @Option(
        help: ArgumentHelp(
            "How long a message may take until it is whole, whatever comes of it; 0: for ever. Default 30; for ever on loopback.",
            valueName: "seconds"))
    var frameTime: LimitTime?

    @Option(help: ArgumentHelp("Bytes a second that a message has to come with. Default: any.", valueName: "bytes"))
    var minRate: LimitValue?

    @Option(
        help: ArgumentHelp(
            "How long a peer may read nothing of what is sent; 0: for ever. Default 30.", valueName: "seconds"))
    var writeStall: LimitTime?

    @Option(
        help: ArgumentHelp(
            "How old a connection may become, by up to 10% more or less. Default: any age.", valueName: "seconds"))
    var maxConnectionAge: LimitTime?

    func validate() throws {
        let ways = [refuse, farewell != nil, queue != nil].count { $0 }
        if ways > 1 { throw ValidationError("give one of --refuse, --farewell and --queue.") }
        if let queue, !(0.001...3600).contains(queue) {
            throw ValidationError("--queue is above 0 and at most an hour.")
        }
        if let rate, rate.number == 0 { throw ValidationError("--rate is a number or \"none\".") }
        if burst != nil, rate?.number == nil { throw ValidationError("--burst goes with --rate.") }
        if let burst, burst.number ?? 0 < 1 { throw ValidationError("--burst is a number.") }
        if let minRate, minRate.number == 0 { throw ValidationError("--min-rate is a number or \"none\".") }
    }

    /// Puts what was asked for in place of the defaults.
    ///
    /// - Parameter waitsForPeople: whether a person may sit at the other end, who takes their time.
    func apply(to limits: inout ServerLimits, waitsForPeople: Bool) {
        if refuse { limits.overload = .refuse }
        if let farewell { limits.overload = .farewell(Array("\(farewell)\n".utf8)) }
        if let queue { limits.overload = .queue(for: .seconds(queue), atMost: max(1, limits.maximumConnections / 4)) }
        if let perAddress {
            limits.perAddress = perAddress.number.map { $0 == 0 ? .automatic : .atMost($0) } ?? .unlimited
        }
        limits.acceptRate = rate?.number.map { .init(perSecond: $0, burst: burst?.number) }
        limits.access = AccessList(allow: allow.compactMap(\.network), deny: deny.compactMap(\.network))
        if waitsForPeople {
            limits.firstByte = nil
            limits.frame = nil
        }
        if let firstByte { limits.firstByte = firstByte.duration }
        if let frameTime { limits.frame = frameTime.duration }
        limits.minimumRate = minRate?.number.map { ByteCount($0) }
        if let writeStall { limits.writeStall = writeStall.duration }
        limits.age = maxConnectionAge?.duration
    }
}
