internal import ArgumentParser
internal import BerthServer

/// How a service ends: the options of `berth serve`.
struct EndingOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "How long connections may go on when the service ends. Default: 15, and 5 more until the last is reset.",
            valueName: "seconds"))
    var drain: Double?

    @Option(
        help: ArgumentHelp(
            "Go on accepting for so long at the end, said not to be ready. Default: 0; 5 under Kubernetes, Nomad or ECS.",
            valueName: "seconds"))
    var lameDuck: Double?

    func validate() throws {
        if let drain, !(0...86_400).contains(drain) { throw ValidationError("--drain is between 0 and a day.") }
        if let lameDuck, !(0...3600).contains(lameDuck) {
            throw ValidationError("--lame-duck is between 0 and an hour.")
        }
    }

    func apply(to limits: inout ServerLimits) {
        if let drain { limits.drain = .seconds(drain) }
        if let lameDuck { limits.lameDuck = .seconds(lameDuck) }
    }
}
