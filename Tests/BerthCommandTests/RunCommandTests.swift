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
            let fewer = try berth("scale", port, "--workers", "1")
            #expect(fewer.end == .exited(code: 1))
            #expect(fewer.error == "berth: a program has one berth under reuse-port, and there are 2\n")
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

    @Test("has who connects wait while it is paused, and serves them when it is resumed")
    func pause() async throws {
        try await onOwnThread {
            let (program, port) = try Self.run(["--workers", "2"], ["python3", "-c", Self.echo, ""])
            _ = try #require(program.line(containing: "is ready"))
            #expect(try berth("pause", port).end == .exited(code: 0))
            try Self.wait(port) { ($0["workers"]?.elements ?? []).isEmpty }
            let waits = try HarbourFixture.connect(to: "127.0.0.1:\(port)")
            try Self.wait(port) { $0["berths"]?.elements?[0]["waiting"]?.number == 1 }
            let reload = try berth("reload", port)
            #expect(reload.end == .exited(code: 1))
            #expect(reload.error == "berth: the service is paused, and has no programs until it is resumed\n")
            #expect(try berth("resume", port).end == .exited(code: 0))
            try waits.expect("hello")
            waits.close()
            #expect(try berth("stop", port).end == .exited(code: 0))
            #expect(try program.end().end == .exited(code: 0))
        }
    }

    /// Waits until the harbour says so.
    private static func wait(_ port: String, until isSo: (JSONValue) -> Bool) throws {
        let deadline = Deadline.after(.seconds(240))
        while !deadline.hasPassed {
            if let status = JSONValue(parsing: try berth("status", port, "--json").standard), isSo(status) { return }
        }
        Issue.record("it never comes: \(try berth("status", port).standard)")
    }

    @Test("puts another program in the place of one that takes nothing from its queue")
    func rescue() async throws {
        try await onOwnThread {
            let (program, port) = try Self.run(
                ["--workers", "1", "--rescue", "0.5", "--patience", "1"], ["python3", "-c", Self.echo, ""])
            _ = try #require(program.line(containing: "is ready"))
            let status = try #require(JSONValue(parsing: try berth("status", port, "--json").standard))
            let pid = try #require(status["workers"]?.elements?[0]["pid"]?.number)
            try Kernel.signal(Int32(pid), Signal.stop.rawValue)
            let waits = try HarbourFixture.connect(to: "127.0.0.1:\(port)")
            try waits.expect("hello")
            let line = try #require(program.line(containing: "became no fewer"))
            #expect(line.hasPrefix("1 connection waited at berth 0 for "), "\(line)")
            // It cannot leave, as it is stopped.
            #expect(program.line(containing: "worker 1 is killed: it did not leave in time") != nil)
            waits.close()
            program.signal(.terminate)
            #expect(try program.end().end == .exited(code: 0))
        }
    }

    @Test("puts another program in the place of one whose watchdog is silent")
    func watchdog() async throws {
        try await onOwnThread {
            let text = """
                import os, signal, socket, sys, time
                s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                def tell(t): s.sendto(t, '\\0' + os.environ['NOTIFY_SOCKET'][1:])
                tell(b'READY=1')
                # Only the first of them falls silent.
                if os.environ['BERTH_WORKER'] == '1': signal.pause()
                while True: tell(b'WATCHDOG=1'); time.sleep(int(os.environ['WATCHDOG_USEC']) / 4e6)
                """
            let (program, _) = try Self.run(
                ["--workers", "1", "--ready", "notify", "--watchdog", "2"], ["python3", "-c", text])
            #expect(program.line(containing: "worker 1 has said nothing for ") != nil)
            #expect(program.line(containing: "worker 1 leaves: it says nothing") != nil)
            program.signal(.terminate)
            #expect(try program.end().end == .exited(code: 0))
        }
    }

    @Test("counts a program as ready when it writes a line break to its descriptor, and not before")
    func line() async throws {
        try await onOwnThread {
            let text = "import os, signal; fd = int(os.environ['READY_FD']); os.write(fd, b'nearly'); "
            let (program, _) = try Self.run(
                ["--workers", "1", "--ready", "line"],
                ["python3", "-c", text + "os.write(fd, b' there\\n'); signal.pause()"])
            #expect(program.line(containing: "is ready") != nil)
            program.signal(.terminate)
            #expect(try program.end().end == .exited(code: 0))
            let (silent, _) = try Self.run(
                ["--workers", "1", "--ready", "line", "--ready-within", "0.5"],
                ["python3", "-c", text + "os.close(fd); signal.pause()"])
            #expect(silent.line(containing: "is killed: it was not ready within 500 ms") != nil)
            let (end, _, error) = try silent.end()
            #expect(end == .exited(code: 1))
            #expect(!error.contains("is ready"), "\(error)")
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
                (["run", "--listen", ":0", "--backlog=-1", "--", "x"], 2, "Error: --backlog is not negative."),
                (
                    ["run", "--listen", ":0", "--patience=-1", "--", "x"], 2,
                    "Error: --patience is between 0 and a year."
                ),
                (
                    ["run", "--listen", ":0", "--ready-within", "0", "--", "x"], 2,
                    "Error: --ready-within is between 0.1 and a year."
                ),
                (
                    ["run", "--listen", ":0", "--watchdog", "9", "--", "x"], 2,
                    "Error: --watchdog goes with --ready notify."
                ),
                (
                    ["run", "--listen", ":0", "--rescue", "0", "--", "x"], 2,
                    "Error: --rescue is between 0.1 and a year."
                ),
                (["run", "--listen", ":0", "--ready-fd", "1", "--", "x"], 2, "Error: --ready-fd is at least 3."),
                (
                    ["run", "--listen", ":0", "--ready", "soon", "--", "x"], 2,
                    "Error: The value 'soon' is invalid for '--ready <ready>'. Please provide one of 'alive', 'notify' or 'line'."
                ),
            ]
            for (arguments, code, message) in cases {
                let result = try BerthCommandTests.run(try Program.buildDirectory() + "/berth", arguments)
                #expect(result.end == .exited(code: code))
                #expect(result.error.hasPrefix(message), "\(result.error)")
            }
            let missing = try berth(
                "run", "--listen", "127.0.0.1:0", "--workers", "1", "--control", "none", "--", "/no/such/program")
            #expect(missing.end == .exited(code: 1))
            guard spawnTellsErrors else { return }
            let last = missing.error.split(separator: "\n").last ?? ""
            #expect(last.hasPrefix("berth: cannot serve on 127.0.0.1:"), "\(last)")
            #expect(
                last.hasSuffix(
                    ": 3 workers in a row ended before they were ready; the last one could not be started as "
                        + "/no/such/program: there is no such file or directory (ENOENT)"), "\(last)")
        }
    }
}
