import BerthHarbour
import BerthSockets
import BerthSystem
import TestSupport
import Testing

@Suite("berth run", .serialized)
struct RunCommandTests {
    /// A server of a few lines, as a user writes it.
    private static let echo = """
        import select, signal, socket, sys
        leaving = []
        signal.signal(signal.SIGTERM, lambda *_: leaving.append(True))
        listener = socket.socket(fileno=3); listener.setblocking(False)
        while not leaving:
            if not select.select([listener], [], [], 0.1)[0]: continue
            try: connection, _ = listener.accept()
            except BlockingIOError: continue
            with connection:
                connection.setblocking(True)
                while data := connection.recv(65536): connection.sendall(data + sys.argv[1].encode())
        """

    private static func run(_ options: [String], _ program: [String]) throws -> (program: Program, port: String) {
        let all = ["run", "--listen", "127.0.0.1:0"] + options + ["--"] + program
        let program = try Program(try Program.buildDirectory() + "/berth", all)
        let address = try #require(program.listeningAddress())
        return (program, String(address.split(separator: ":").last ?? ""))
    }

    @Test("replaces a Python program under load without a lost connection", arguments: ["process-pool", "reuse-port"])
    func python(layout: String) async throws {
        try await onOwnThread {
            let (program, port) = try Self.run(
                ["--workers", "2", "--layout", layout], ["python3", "-c", Self.echo, ""])
            _ = try #require(program.line(containing: "is ready"))
            let visits = try Visits(to: "127.0.0.1:\(port)")
            for _ in 0..<3 {
                let answer = try berth("reload", port)
                #expect(answer.end == .exited(code: 0), "\(answer.error)")
                #expect(visits.wait(for: 3))
            }
            #expect(visits.end() == [])
            program.signal(.terminate)
            let (end, _, error) = try program.end()
            #expect(end == .exited(code: 0), "\(error)")
        }
    }

    @Test("runs two versions side by side, and goes back")
    func versions() async throws {
        try await onOwnThread {
            let (program, port) = try Self.run(
                ["--workers", "2", "--layout", "reuse-port"], ["python3", "-c", Self.echo, " of v1"])
            _ = try #require(program.line(containing: "worker 2 (pid "))
            _ = try #require(program.line(containing: "is ready"))
            let answer = try berth("rollout", port, "--to", "python3", "--share", "50", "--", "-c", Self.echo, " of v2")
            #expect(answer.end == .exited(code: 0), "\(answer.error)")
            #expect(Set(try Self.answers(port, 32)) == ["hi of v1", "hi of v2"])
            #expect(try berth("rollout", port, "--back").end == .exited(code: 0))
            try Self.waitUntilAllHaveLeft(port)
            #expect(Set(try Self.answers(port, 8)) == ["hi of v1"])
            #expect(try berth("rollout", port, "--finish").end == .exited(code: 0))
            try Self.waitUntilAllHaveLeft(port)
            #expect(Set(try Self.answers(port, 8)) == ["hi of v2"])
            let pause = try berth("pause", port)
            #expect(pause.end == .exited(code: 1))
            #expect(pause.error == "berth: a program that is run cannot be told to accept nothing\n")
            #expect(try berth("stop", port).end == .exited(code: 0))
            #expect(try program.end().end == .exited(code: 0))
        }
    }

    /// A program that leaves may accept until it has looked whether it shall.
    private static func waitUntilAllHaveLeft(_ port: String) throws {
        let deadline = Deadline.after(.seconds(240))
        while !deadline.hasPassed {
            if !(try berth("status", port, "--json").standard.contains("leaving")) { return }
        }
        Issue.record("somebody never leaves")
    }

    private static func answers(_ port: String, _ count: Int) throws -> [String] {
        try (0..<count).map { _ in
            try BerthCommandTests.run("nc", ["-N", "127.0.0.1", port], input: "hi").standard
        }
    }

    @Test("ends its programs when it is killed")
    func orphans() async throws {
        try await onOwnThread {
            let (program, port) = try Self.run(["--workers", "2"], ["python3", "-c", Self.echo, ""])
            _ = try #require(program.line(containing: "is ready"))
            let status = try #require(JSONValue(parsing: try berth("status", port, "--json").standard))
            let pids = (status["workers"]?.elements ?? []).compactMap { $0["pid"]?.number.map { Int32($0) } }
            #expect(pids.count == 2)
            program.signal(.kill)
            try program.waitForEnd()
            for pid in pids { #expect(HarbourFixture.waitForEnd(of: pid)) }
        }
    }

    @Test("counts a program as ready when it says so")
    func notify() async throws {
        try await onOwnThread {
            let text = """
                import os, signal, socket
                s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                s.sendto(b'READY=1', '\\0' + os.environ['NOTIFY_SOCKET'][1:]); signal.pause()
                """
            let (program, _) = try Self.run(["--workers", "1", "--ready", "notify"], ["python3", "-c", text])
            #expect(program.line(containing: "is ready") != nil)
            program.signal(.terminate)
            #expect(try program.end().end == .exited(code: 0))
        }
    }

    @Test("says in one sentence what is wrong")
    func mistakes() async throws {
        try await onOwnThread {
            let cases: [([String], Int32, String)] = [
                (["run"], 2, "Error: Missing expected argument '--listen <listen>'"),
                (["run", "--listen", ":0"], 2, "Error: there is no program: berth run --listen :8080 -- PROGRAM …"),
                (["run", "--listen", "nowhere", "--", "x"], 2, "Error: \"nowhere\" is not an address"),
                (["run", "--listen", ":0", "--workers", "0", "--", "x"], 2, "Error: --workers is between 1 and 1024."),
            ]
            for (arguments, code, message) in cases {
                let result = try BerthCommandTests.run(try Program.buildDirectory() + "/berth", arguments)
                #expect(result.end == .exited(code: code))
                #expect(result.error.hasPrefix(message), "\(result.error)")
            }
            let missing = try berth(
                "run", "--listen", "127.0.0.1:0", "--workers", "1", "--control", "none", "--", "/no/such/program")
            #expect(missing.end == .exited(code: 1))
            let last = missing.error.split(separator: "\n").last ?? ""
            #expect(last.hasPrefix("berth: cannot serve on 127.0.0.1:"), "\(last)")
            #expect(
                last.hasSuffix(
                    ": 3 workers in a row ended before they were ready; the last one could not be started as "
                        + "/no/such/program: there is no such file or directory (ENOENT)"), "\(last)")
        }
    }
}
