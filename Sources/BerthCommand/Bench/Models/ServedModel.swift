internal import BerthServer
internal import BerthSockets
internal import BerthSystem

/// A `berth serve --service echo` under one model, as a child process: what it uses can be told apart from what we use.
final class ServedModel: Sendable {
    /// The models that are compared: those of one process, whose processor time is asked for.
    static let names = ConcurrencyModel.all.filter { !$0.hasWorkers }.map(\.name)

    private struct Said {
        var text: [UInt8] = []
        var isOver = false
    }

    let pid: Int32
    let address: SocketAddress
    private let said: Monitor<Said>

    /// Starts it, and waits until it listens.
    ///
    /// - Parameter arguments: of `berth serve`, without the address.
    init(_ arguments: [String]) throws {
        let program = try Kernel.linkTarget("/proc/self/exe")
        let pipe = try Kernel.pipe()
        let null = try Kernel.open("/dev/null")
        let pid = try Kernel.spawn(
            program, arguments: [program, "serve", "127.0.0.1:0"] + arguments, environment: Kernel.environment,
            // ^C is for us: the service is ended when we have asked it for its processor time.
            input: null.rawValue, output: null.rawValue, error: pipe.writing.rawValue, ownGroup: true)
        self.pid = pid
        let said = Monitor(Said())
        self.said = said
        do {
            try Self.collect(try Kernel.duplicate(pipe.reading.rawValue).release(), said)
            address = try Self.listeningAddress(said)
        } catch {
            Self.end(pid)
            throw error
        }
    }

    deinit { Self.end(pid) }

    /// Reads all that it says, so that it never waits for us, and keeps the beginning.
    private static func collect(_ descriptor: Int32, _ said: Monitor<Said>) throws {
        try Thread.start(name: "berth-bench-said") {
            var chunk = [UInt8](repeating: 0, count: 4096)
            while true {
                let count = chunk.withUnsafeMutableBytes { (try? unsafe Kernel.read(descriptor, into: $0)) ?? 0 }
                let bytes = chunk[..<count]
                said.change { said in
                    if said.text.count < 16_384 { said.text += bytes }
                    said.isOver = bytes.isEmpty
                }
                if count == 0 { break }
            }
            try? Kernel.close(descriptor)
        }
    }

    /// What its first line says: "serving echo on 127.0.0.1:40000 (threads, …".
    private static func listeningAddress(_ said: Monitor<Said>) throws -> SocketAddress {
        let line: String? = said.wait(until: .after(.seconds(20))) { said in
            guard let end = said.text.firstIndex(of: UInt8(ascii: "\n")) else { return said.isOver ? "" : nil }
            return String(decoding: said.text[..<end], as: UTF8.self)
        }
        guard let line else { throw CommandFailure(message: "it said nothing for 20 s") }
        let words = line.split(separator: " ")
        guard let on = words.firstIndex(of: "on"), on + 1 < words.count,
            let endpoint = try? Endpoint(parsing: String(words[on + 1])), case .address(let address) = endpoint.target
        else { throw CommandFailure(message: line.isEmpty ? "it ended without a word" : line) }
        return address
    }

    /// Asks it to end, and does not ask a second time.
    private static func end(_ pid: Int32) {
        try? Kernel.signal(pid, Signal.terminate.rawValue)
        if let process = try? Kernel.openProcess(pid) {
            let found = try? Kernel.wait(for: .readable, on: process.rawValue, until: .after(.seconds(10)))
            if found?.isEmpty ?? true { try? Kernel.signal(pid, Signal.kill.rawValue) }
        }
        _ = try? Kernel.waitForEnd(of: pid)
    }
}
