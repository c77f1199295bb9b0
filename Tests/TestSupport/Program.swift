package import BerthSystem

/// A program that a test runs, with everything it says.
///
/// It is ended when this value goes away, by its own process id.
package final class Program: Sendable {
    /// Where a program says something.
    package enum Output: Sendable { case standard, error }

    private struct Said {
        var standard: [UInt8] = []
        var error: [UInt8] = []
        var open = 2
        var end: ProcessEnd?
    }

    package let pid: Int32
    private let said = Monitor(Said())
    private let input: Monitor<Descriptor?>

    /// Starts a program; a name without a slash is looked up in PATH.
    package init(_ program: String, _ arguments: [String], environment: [String] = []) throws {
        let input = try Kernel.pipe()
        let output = try Kernel.pipe()
        let error = try Kernel.pipe()
        pid = try Kernel.spawn(
            program, arguments: [program] + arguments, environment: environment + Kernel.environment,
            input: input.reading.rawValue, output: output.writing.rawValue, error: error.writing.rawValue)
        self.input = Monitor(try Kernel.duplicate(input.writing.rawValue))
        try collect(try Kernel.duplicate(output.reading.rawValue).release(), \.standard)
        try collect(try Kernel.duplicate(error.reading.rawValue).release(), \.error)
    }

    deinit {
        if said.withLock({ $0.end }) == nil {
            try? Kernel.signal(pid, Signal.kill.rawValue)
            _ = try? Kernel.waitForEnd(of: pid)
        }
    }

    /// The command `berth` of this build, which lies beside the test runner.
    package static func berth(_ arguments: String..., environment: [String] = []) throws -> Program {
        try Program(try buildDirectory() + "/berth", arguments, environment: environment)
    }

    /// Where the products of this build are.
    package static func buildDirectory() throws -> String {
        let runner = try Kernel.linkTarget("/proc/self/exe")
        return runner.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" }
    }

    /// A Python program given as its text.
    package static func python(_ text: String, _ arguments: String...) throws -> Program {
        try Program("python3", ["-c", text] + arguments)
    }

    private func collect(_ descriptor: Int32, _ path: any WritableKeyPath<Said, [UInt8]> & Sendable) throws {
        try Thread.start(name: "collect") { [said] in
            var queue = [UInt8](repeating: 0, count: 65_536)
            while true {
                let count = queue.withUnsafeMutableBytes { (try? unsafe Kernel.read(descriptor, into: $0)) ?? 0 }
                if count == 0 { break }
                let bytes = Array(queue[..<count])
                said.change { $0[keyPath: path] += bytes }
            }
            try? Kernel.close(descriptor)
            said.change { $0.open -= 1 }
        }
    }

    /// Gives the program something to read.
    package func write(_ text: String) {
        let bytes = Array(text.utf8)
        input.withLock { input in
            guard let descriptor = input?.rawValue else { return }
            // A program that is gone already is seen by what it said.
            bytes.withUnsafeBytes { try? unsafe Kernel.writeAll(descriptor, $0) }
        }
    }

    /// Ends its input.
    package func closeInput() { input.withLock { _ = $0.take() } }

    /// The first line that holds one of `texts`, waiting for it; `nil` when the program said everything without it.
    package func line(containing texts: String..., on output: Output = .error) -> String? {
        said.wait(until: .after(.seconds(240))) { said -> String?? in
            let all = String(decoding: output == .error ? said.error : said.standard, as: UTF8.self)
            let line = all.split(separator: "\n").first { line in texts.contains { line.contains($0) } }
            if let line { return .some(String(line)) }
            return said.open == 0 ? .some(nil) : nil
        } ?? nil
    }

    /// The `HOST:PORT` that a `berth serve` or `berth receive` says it listens on.
    package func listeningAddress() -> String? {
        guard let line = line(containing: " on ") else { return nil }
        let words = line.split(separator: " ")
        guard let index = words.firstIndex(of: "on"), index + 1 < words.count else { return nil }
        return String(words[index + 1])
    }

    /// Sends a signal to it.
    package func signal(_ signal: Signal) { try? Kernel.signal(pid, signal.rawValue) }

    /// Waits until it has ended. Its children may still be there, and hold its output open.
    @discardableResult
    package func waitForEnd() throws -> ProcessEnd {
        let end = try Kernel.waitForEnd(of: pid)
        said.change { $0.end = end }
        return end
    }

    /// Waits until it has ended, and returns how, and all that it and its children said. Its input is ended first.
    package func end() throws -> (end: ProcessEnd, standard: String, error: String) {
        closeInput()
        let end = try waitForEnd()
        return said.wait { said in
            guard said.open == 0 else { return nil }
            return (
                end, String(decoding: said.standard, as: UTF8.self), String(decoding: said.error, as: UTF8.self)
            )
        } ?? (end, "", "")
    }
}

/// Whether a program that cannot be executed is an error of the call that starts it. Under the thread sanitizer it is not:
/// posix_spawn(3) forks there, and the child ends with 127.
package let spawnTellsErrors: Bool = {
    guard
        let pid = try? Kernel.start(
            "/no/such/program", arguments: ["x"], environment: [], pidVariable: "LISTEN_PID", inherited: [])
    else { return true }
    _ = try? Kernel.waitForEnd(of: pid)
    return false
}()
