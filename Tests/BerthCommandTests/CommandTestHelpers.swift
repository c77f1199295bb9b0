import BerthServer
import BerthSockets
import BerthSystem
import TestSupport
import Testing

/// A `berth serve` for the length of a test.
final class Service: Sendable {
    let program: Program
    let address: String

    var port: String { String(address.split(separator: ":").last ?? "") }

    /// - Parameter model: how it runs its connections; its default unless told otherwise.
    init(_ arguments: [String], model: ConcurrencyModel? = nil) throws {
        let all = ["serve", "127.0.0.1:0"] + (model.map(\.arguments) ?? []) + arguments
        program = try Program(try Program.buildDirectory() + "/berth", all)
        guard let address = program.listeningAddress() else {
            throw Failure(text: "berth \(all.joined(separator: " ")): \(try program.end().error)")
        }
        self.address = address
    }

    struct Failure: Error, CustomStringConvertible {
        let text: String
        var description: String { text }
    }

    /// Ends it as an operator does, and returns what it said.
    @discardableResult
    func stop() throws -> String {
        program.signal(.terminate)
        let (end, _, error) = try program.end()
        #expect(end == .exited(code: 0), "\(error)")
        return error
    }
}

extension ConcurrencyModel {
    /// How it is asked for.
    var arguments: [String] {
        switch self {
        case .eventLoops(let loops?, let io): return ["--model", name, "--loops", "\(loops)", "--io", io.rawValue]
        case .processPool(let workers?, let engine), .reusePort(let workers?, let engine):
            var arguments = ["--model", name, "--workers", "\(workers)", "--engine", engine.name]
            if case .threadPool(let threads?) = engine { arguments += ["--threads", "\(threads)"] }
            if case .eventLoops(let loops?, let io) = engine {
                arguments += ["--loops", "\(loops)", "--io", io.rawValue]
            }
            return arguments
        case .processes(let reserve?): return ["--model", name, "--workers", "\(reserve)"]
        default: return ["--model", name]
        }
    }
}

/// Runs a program to its end, with something to read.
func run(_ program: String, _ arguments: [String], input: String = "") throws -> (
    end: ProcessEnd, standard: String, error: String
) {
    let program = try Program(program, arguments)
    if !input.isEmpty { program.write(input) }
    return try program.end()
}

/// Runs `berth` to its end.
func berth(_ arguments: String..., input: String = "") throws -> (end: ProcessEnd, standard: String, error: String) {
    try run(try Program.buildDirectory() + "/berth", arguments, input: input)
}

/// Runs a Python text to its end and expects that it ends well.
func python(_ text: String, _ arguments: String...) throws -> String {
    let (end, standard, error) = try run("python3", ["-c", text] + arguments)
    #expect(end == .exited(code: 0), "\(error)")
    return standard
}
