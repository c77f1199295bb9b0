internal import ArgumentParser
internal import BerthServer

/// How connections are run: the options of a model, and which go together.
struct ModelOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("How connections are run. Default: event-loops; threads for the store.", valueName: "model"))
    var model: ConcurrencyModel?

    @Option(help: ArgumentHelp("event-loops: how many. Default: one for each processor.", valueName: "count"))
    var loops: Int?

    @Option(help: ArgumentHelp("event-loops: how they ask the kernel. Default: auto.", valueName: "method"))
    var io: ConcurrencyModel.IOMethod?

    @Option(
        help: ArgumentHelp(
            "thread-pool: how many, which is how many connections at a time. Default: 8 for each processor, at least 32.",
            valueName: "count"))
    var threads: Int?

    /// The model with its options.
    ///
    /// - Throws: `ValidationError` when an option belongs to another model, or is out of range.
    func chosen(byDefault usual: ConcurrencyModel) throws -> ConcurrencyModel {
        let model = model ?? usual
        if let loops, !(1...Self.most).contains(loops) {
            throw ValidationError("--loops is between 1 and \(Self.most).")
        }
        if let threads, !(1...Self.most).contains(threads) {
            throw ValidationError("--threads is between 1 and \(Self.most).")
        }
        switch model {
        case .eventLoops:
            try exclude(threads, "--threads", .threadPool(), model)
            return .eventLoops(loops: loops, io: io ?? .auto)
        case .threads:
            try exclude(loops, "--loops", .eventLoops(), model)
            try exclude(io, "--io", .eventLoops(), model)
            try exclude(threads, "--threads", .threadPool(), model)
            return .threads
        case .threadPool:
            try exclude(loops, "--loops", .eventLoops(), model)
            try exclude(io, "--io", .eventLoops(), model)
            return .threadPool(threads: threads)
        }
    }

    private static let most = 65_536

    private func exclude<Value>(
        _ value: Value?, _ option: String, _ owner: ConcurrencyModel, _ model: ConcurrencyModel
    ) throws {
        if value != nil { throw ValidationError("\(option) goes with --model \(owner.name), not \(model.name).") }
    }
}

/// A model as it was asked for, and what the limits make of it.
struct AskedModel: Sendable {
    let asked: ConcurrencyModel
    let actual: ConcurrencyModel

    init(_ asked: ConcurrencyModel, _ limits: ServerLimits) {
        self.asked = asked
        actual = asked.resolved(for: limits)
    }

    /// One sentence when a pool has fewer threads than were asked for.
    var note: String? {
        guard case .threadPool(let asked?) = asked, case .threadPool(let actual?) = actual, actual < asked else {
            return nil
        }
        return "asked for \(asked) threads, got \(actual): a pool has no more than there may be connections"
            + " (--max-connections)"
    }
}
