import BerthServer
import BerthSockets
import BerthSystem
import TestSupport
import Testing

@Suite("A service that is killed and started again at once", .enabled(if: PrivateNetwork.isAvailable))
struct RestartTests {
    private static let port = "4711"

    /// What a killed server leaves behind.
    enum Leftover: String, CaseIterable, Sendable {
        case timeWait = "TIME_WAIT"
        case finWait2 = "FIN_WAIT2"
        case closeWait = "CLOSE_WAIT"

        /// Talks to the greeting service so that its death leaves a socket in this state.
        var client: String {
            let connect = """
                import socket, sys
                s = socket.create_connection(('127.0.0.1', \(RestartTests.port))); s.recv(100)
                print('ready', flush=True); sys.stdin.readline()

                """
            switch self {
            // The server's FIN comes first: we answer with ours.
            case .timeWait: return connect + "while s.recv(100): pass\ns.close()\nprint('done', flush=True)"
            // We never answer with ours.
            case .finWait2: return connect + "while s.recv(100): pass\nprint('done', flush=True); sys.stdin.read()"
            // Made by a holder of the server's side, see below.
            case .closeWait: return connect + "s.close()\nprint('done', flush=True)"
            }
        }
    }

    /// Serves once in a private network, dies with `leftover` behind it, and calls `body` in that network.
    private func afterDeath(
        leaving leftover: Leftover, model: ConcurrencyModel = .threads, _ body: @escaping @Sendable () throws -> Void
    ) async throws {
        try await inPrivateNetwork {
            // A program that reads nothing keeps the server's side of the connection in CLOSE_WAIT after the server died.
            let program = leftover == .closeWait ? ["--", "sh", "-c", "echo hi; exec sleep 1000"] : []
            let first = try Program(
                try Program.buildDirectory() + "/berth",
                ["serve", "127.0.0.1:\(Self.port)"] + model.arguments + program)
            _ = try #require(first.listeningAddress())
            let client = try Program("python3", ["-c", leftover.client])
            _ = try #require(client.line(containing: "ready", on: .standard))
            let children = (try? Kernel.names(inDirectory: "/proc/\(first.pid)/task")) ?? []
            let holders = children.flatMap { task in
                let text = (try? Kernel.contents(of: "/proc/\(first.pid)/task/\(task)/children")) ?? []
                return String(decoding: text, as: UTF8.self).split(separator: " ").compactMap { Int32($0) }
            }
            defer { for holder in holders { try? Kernel.signal(holder, Signal.kill.rawValue) } }
            first.signal(.kill)
            try first.waitForEnd()
            client.write("go\n")
            _ = try #require(client.line(containing: "done", on: .standard))
            try Self.waitFor(leftover)
            try body()
            client.closeInput()
            _ = try client.end()
        }
    }

    /// The kernel gets there by itself; this only waits for it to be seen.
    private static func waitFor(_ leftover: Leftover) throws {
        let wanted = leftover == .timeWait ? "TIME-WAIT" : leftover == .finWait2 ? "FIN-WAIT-2" : "CLOSE-WAIT"
        let deadline = Deadline.after(.seconds(240))
        while !deadline.hasPassed {
            let states = try run("ss", ["-Htan", "sport = :\(port)"]).standard
            if states.contains(wanted) { return }
        }
        Issue.record("no \(wanted) was left")
    }

    @Test("binds, whatever its predecessor left behind", arguments: Leftover.allCases, TestModels.all)
    func binds(leftover: Leftover, model: ConcurrencyModel) async throws {
        try await afterDeath(leaving: leftover, model: model) {
            let second = try Program(
                try Program.buildDirectory() + "/berth", ["serve", "127.0.0.1:\(Self.port)"] + model.arguments)
            #expect(second.listeningAddress() == "127.0.0.1:\(Self.port)")
            #expect(
                try run("nc", ["-N", "127.0.0.1", Self.port], input: "again").standard == "Welcome!\nHello, again!\n")
            second.signal(.terminate)
            #expect(try second.end().end == .exited(code: 0))
        }
    }

    @Test("says under --reuse exclusive what is in its way, and since when", arguments: Leftover.allCases)
    func exclusive(leftover: Leftover) async throws {
        try await afterDeath(leaving: leftover) {
            let result = try berth("serve", "127.0.0.1:\(Self.port)", "--reuse", "exclusive")
            #expect(result.end == .exited(code: 1))
            #expect(result.error.hasPrefix("berth: cannot bind 127.0.0.1:\(Self.port): the address is already in use"))
            #expect(result.error.contains(leftover.rawValue), "\(result.error)")
            #expect(result.error.contains(" s"), "\(result.error)")
            #expect(result.error.contains("fix: "))
        }
    }
}
