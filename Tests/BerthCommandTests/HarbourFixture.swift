import BerthHarbour
import BerthServer
import BerthSockets
import BerthSystem
import TestSupport
import Testing

/// A `berth serve` with worker processes for the length of a test.
///
/// Its workers are ended by its end, also when the test fails: they notice when the harbour is gone.
final class HarbourFixture: Sendable {
    let service: Service

    /// How verbs find it.
    private let choice: [String]

    /// - Parameter path: of its control socket, when the arguments say one.
    init(
        _ arguments: [String] = ["--service", "echo"], model: ConcurrencyModel = .processPool(workers: 2),
        byPath path: String? = nil
    ) throws {
        // A machine under load may take its time, which only tests of that are about.
        var arguments = arguments
        for (option, time) in [("--ready-within", "240"), ("--idle", "600")] where !arguments.contains(option) {
            arguments += [option, time]
        }
        service = try Service(arguments, model: model)
        choice = path.map { ["--control", $0] } ?? [service.port]
        // It has its control socket then.
        _ = service.program.line(containing: "harbour: ")
        try waitForWorkers(2)
    }

    var port: String { service.port }
    var program: Program { service.program }

    /// Runs an operating verb on it.
    func ask(_ verb: String, _ arguments: String...) throws -> (end: ProcessEnd, standard: String, error: String) {
        try run(try Program.buildDirectory() + "/berth", [verb] + choice + arguments)
    }

    func status() throws -> JSONValue {
        let answer = try ask("status", "--json")
        return try #require(JSONValue(parsing: answer.standard), "\(answer.error)")
    }

    /// The process ids of workers in a state.
    func workers(_ state: String = "ready") throws -> [Int32] {
        (try status()["workers"]?.elements ?? []).filter { $0["state"]?.text == state }
            .compactMap { $0["pid"]?.number.map { Int32($0) } }
    }

    /// Waits until there are so many workers that are ready, and none that leaves.
    @discardableResult
    func waitForWorkers(_ count: Int) throws -> [Int32] {
        let deadline = Deadline.after(.seconds(240))
        while !deadline.hasPassed {
            let ready = try workers()
            if ready.count == count, (try status()["workers"]?.elements ?? []).count == count { return ready }
        }
        throw Service.Failure(text: "there are never \(count) workers: \(try status())")
    }

    /// A connection that has sent something.
    func connect() throws -> TCPSocket { try Self.connect(to: service.address) }

    static func connect(to address: String, sending text: String = "hello") throws -> TCPSocket {
        let socket = try TCPSocket.connect(to: try Endpoint(parsing: address), within: .seconds(60))
        try socket.sendAll(Array(text.utf8), timeout: .whole(.seconds(240)))
        return socket
    }

    /// Waits until a process has ended.
    static func waitForEnd(of pid: Int32) -> Bool {
        guard let process = try? Kernel.openProcess(pid) else { return true }
        let found = try? Kernel.wait(for: .readable, on: process.rawValue, until: .after(.seconds(240)))
        return found?.isEmpty == false
    }
}

extension TCPSocket {
    /// What comes until there are as many bytes as in `text`.
    borrowing func expect(_ text: String) throws {
        var received: [UInt8] = []
        while received.count < text.utf8.count {
            var memory = [UInt8](repeating: 0, count: 1024)
            let descriptor = fileDescriptor
            let found = try Kernel.wait(for: .readable, on: descriptor, until: .after(.seconds(240)))
            if found.isEmpty { break }
            let count = memory.withUnsafeMutableBytes { (try? unsafe Kernel.receive(descriptor, into: $0)) ?? 0 }
            if count == 0 { break }
            received += memory[..<count]
        }
        #expect(String(decoding: received, as: UTF8.self) == text)
    }
}

/// Short connections, one after the other, until it is ended.
final class Visits: Sendable {
    private struct State {
        var isOver = false
        var isDone = false
        var count = 0
        var failures: [String] = []
    }

    private let state = Monitor(State())

    convenience init(_ harbour: HarbourFixture) throws { try self.init(to: harbour.service.address) }

    init(to address: String) throws {
        try Thread.start(name: "visits") { [state] in
            while !state.withLock({ $0.isOver }) {
                do {
                    let socket = try HarbourFixture.connect(to: address)
                    var memory = [UInt8](repeating: 0, count: 16)
                    let descriptor = socket.fileDescriptor
                    let count = try memory.withUnsafeMutableBytes { try unsafe Kernel.receive(descriptor, into: $0) }
                    let failure = count == 5 ? nil : "\(count) bytes"
                    state.change { state in
                        state.count += 1
                        if let failure { state.failures.append(failure) }
                    }
                } catch { state.change { $0.failures.append("\(error)") } }
            }
            state.change { $0.isDone = true }
        }
    }

    /// Waits for so many more visits.
    func wait(for more: Int) -> Bool {
        let now = state.withLock { $0.count }
        return state.wait(until: .after(.seconds(240))) { $0.count >= now + more ? true : nil } ?? false
    }

    /// Ends it, and returns what went wrong.
    func end() -> [String] {
        state.change { $0.isOver = true }
        return state.wait(until: .after(.seconds(240))) { $0.isDone ? $0.failures : nil } ?? ["does not end"]
    }
}
