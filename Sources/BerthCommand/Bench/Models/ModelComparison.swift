internal import ArgumentParser
internal import BerthSystem

/// What was found of one model.
struct ModelResult: Sendable {
    var model: String
    /// Or why it could not be served.
    var outcome: Result<LoadResult, CommandFailure>

    var result: LoadResult? { try? outcome.get() }
    var isFine: Bool { result?.isFine ?? false }
}

/// The same load on each model, one after the other.
struct ModelComparison: Sendable {
    var results: [ModelResult] = []

    var isFine: Bool { !results.isEmpty && results.allSatisfy(\.isFine) }

    /// The model with the smallest figure; `nil` when there is nothing to compare.
    func best(_ figure: (LoadResult) -> Double?) -> (model: String, figure: Double)? {
        let figures = results.compactMap { entry in
            entry.isFine ? entry.result.flatMap(figure).map { (model: entry.model, figure: $0) } : nil
        }
        return figures.count < 2 ? nil : figures.min { $0.figure < $1.figure }
    }

    var leastProcessorTime: (model: String, figure: Double)? { best(\.serverMicroseconds) }
    var lowestLatency: (model: String, figure: Double)? { best { Double($0.latency.p99) } }
}

extension BenchCommand {
    /// Serves and loads each model.
    func compare() throws {
        var comparison = ModelComparison()
        for model in ServedModel.names {
            Talk.say("\(model) …")
            let outcome = try measure(model: model)
            comparison.results.append(ModelResult(model: model, outcome: outcome))
            if case .success(let result) = outcome {
                if let warning = result.warning { Talk.say("\(model): \(warning)") }
                if result.wasCutShort { break }
            }
        }
        Talk.data(json ? comparison.json : comparison.text)
        if !comparison.isFine { throw ExitCode(BerthTool.Code.failure.rawValue) }
    }

    private func measure(model: String) throws -> Result<LoadResult, CommandFailure> {
        do {
            let arguments =
                ["--service", "echo", "--model", model, "--max-connections", "\(connections + 16)"] + framing.arguments
            let served = try ServedModel(arguments)
            let plan = try plan(to: served.address)
            let run = LoadRun(plan: plan, template: try template(for: plan), serverProcess: served.pid)
            return .success(try measure(run))
        } catch let error as CommandFailure {
            return .failure(error)
        } catch let error as Errno {
            return .failure(CommandFailure(message: "cannot serve: \(error)"))
        }
    }
}
