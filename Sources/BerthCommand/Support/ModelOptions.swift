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

    @Option(
        help: ArgumentHelp(
            "process-pool, reuse-port: how many processes. Default: one for each processor. processes: how many wait.",
            valueName: "count"))
    var workers: Int?

    @Option(
        help: ArgumentHelp(
            "process-pool, reuse-port: how each process runs its connections. Default: event-loops.",
            valueName: "model"))
    var engine: EngineName?

    enum EngineName: String, ExpressibleByArgument, CaseIterable {
        case eventLoops = "event-loops"
        case threads
        case threadPool = "thread-pool"
    }

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
        if let workers, !(1...Self.mostWorkers).contains(workers) {
            throw ValidationError("--workers is between 1 and \(Self.mostWorkers).")
        }
        switch model {
        case .eventLoops, .threads, .threadPool:
            if workers != nil { throw Self.misplaced("--workers", "process-pool or reuse-port", model.name) }
            if engine != nil { throw Self.misplaced("--engine", "process-pool or reuse-port", model.name) }
            return ConcurrencyModel(try chosen(model.engine, loopsByDefault: nil))
        case .processes:
            if engine != nil { throw Self.misplaced("--engine", "process-pool or reuse-port", model.name) }
            try exclude(loops, "--loops", .eventLoops(), model.name)
            try exclude(io, "--io", .eventLoops(), model.name)
            try exclude(threads, "--threads", .threadPool(), model.name)
            return .processes(reserve: workers)
        case .processPool:
            return .processPool(workers: workers, engine: try chosen(engine(of: usual), loopsByDefault: 1))
        case .reusePort:
            return .reusePort(workers: workers, engine: try chosen(engine(of: usual), loopsByDefault: 1))
        }
    }

    private func engine(of usual: ConcurrencyModel) -> ConcurrencyModel.Engine {
        switch engine {
        case .eventLoops?: .eventLoops()
        case .threads?: .threads
        case .threadPool?: .threadPool()
        case nil: usual.engine
        }
    }

    private func chosen(
        _ engine: ConcurrencyModel.Engine, loopsByDefault: Int?
    ) throws -> ConcurrencyModel.Engine {
        switch engine {
        case .eventLoops:
            try exclude(threads, "--threads", .threadPool(), engine.name)
            return .eventLoops(loops: loops ?? loopsByDefault, io: io ?? .auto)
        case .threads:
            try exclude(loops, "--loops", .eventLoops(), engine.name)
            try exclude(io, "--io", .eventLoops(), engine.name)
            try exclude(threads, "--threads", .threadPool(), engine.name)
            return .threads
        case .threadPool:
            try exclude(loops, "--loops", .eventLoops(), engine.name)
            try exclude(io, "--io", .eventLoops(), engine.name)
            return .threadPool(threads: threads)
        }
    }

    private static let most = 65_536
    private static let mostWorkers = 1024

    private func exclude<Value>(
        _ value: Value?, _ option: String, _ owner: ConcurrencyModel.Engine, _ model: String
    ) throws {
        if value != nil { throw Self.misplaced(option, owner.name, model) }
    }

    private static func misplaced(_ option: String, _ owner: String, _ model: String) -> ValidationError {
        ValidationError("\(option) goes with --model \(owner), not \(model).")
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
        guard case .threadPool(let asked?) = asked.engine, case .threadPool(let actual?) = actual.engine, actual < asked
        else { return nil }
        return "asked for \(asked) threads, got \(actual): a pool has no more than there may be connections"
            + " (--max-connections)"
    }
}
