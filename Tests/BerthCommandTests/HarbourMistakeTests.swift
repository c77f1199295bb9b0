import BerthServer
import BerthSystem
import TestSupport
import Testing

@Suite("Verbs for a harbour that cannot be reached, or that refuses", .serialized)
struct HarbourMistakeTests {
    private static let verbs: [[String]] = [
        ["status"], ["status", "--json"], ["reload"], ["rollout", "--to", "x"], ["rollout", "--share", "5"],
        ["rollout", "--finish"], ["rollout", "--back"], ["scale", "--workers", "2"], ["drain"],
        ["drain", "--worker", "1"], ["stop"], ["pause"], ["resume"],
    ]

    private static func expect(_ arguments: [String], _ sentence: String) throws {
        let result = try run(try Program.buildDirectory() + "/berth", arguments)
        #expect(result.end == .exited(code: 1), "\(arguments)")
        #expect(result.error == "berth: \(sentence)\n", "\(arguments)")
        #expect(result.standard == "")
    }

    /// Makes a Unix socket as the text says, which prints its path; whatever serves there ends with the test.
    private static func socket(_ text: String) throws -> (program: Program, path: String) {
        let begin = """
            import os, socket, tempfile
            path = os.path.join(tempfile.mkdtemp(), 'x.sock')
            s = socket.socket(socket.AF_UNIX); s.bind(path); s.listen()
            print(path, flush=True)

            """
        let program = try Program.python(begin + text)
        return (program, try #require(program.line(containing: "/", on: .standard)))
    }

    @Test("say in one sentence that there is none")
    func missing() async throws {
        try await onOwnThread {
            for verb in Self.verbs {
                try Self.expect(verb + ["--control", "/no/such/socket"], "there is no harbour at /no/such/socket")
            }
        }
    }

    @Test("say in one sentence that its socket is dead, or somebody else's")
    func dead() async throws {
        try await onOwnThread {
            let (program, path) = try Self.socket("")
            try program.waitForEnd()
            for verb in Self.verbs {
                try Self.expect(verb + ["--control", path], "the harbour at \(path) has ended without a word")
            }
            let answers = [
                ("c.send(b'hello\\n')", "answered something else than JSON"),
                ("c.send(b'{\"version\":9}\\n')", "speaks version 9 of the protocol"),
                ("c.close()", "ended before it answered"),
            ]
            for (answer, sentence) in answers {
                let (server, path) = try Self.socket("c, _ = s.accept(); c.recv(4096); \(answer)")
                try Self.expect(["status", "--control", path], "the harbour at \(path) \(sentence)")
                try server.waitForEnd()
            }
        }
    }

    @Test("say in one sentence what is wrong with their arguments, and end with 2")
    func arguments() async throws {
        let cases: [(String, String)] = [
            ("scale", "Missing expected argument '--workers <count>'"),
            ("scale --workers 0", "--workers is between 1 and 1024."),
            ("scale --workers 1025", "--workers is between 1 and 1024."),
            ("scale --workers x", "The value 'x' is invalid for '--workers <count>'"),
            ("rollout", "give one of --to, --share, --finish and --back."),
            ("rollout --finish --back", "give one of --to, --share, --finish and --back."),
            ("rollout --to x --finish", "give one of --to, --share, --finish and --back."),
            ("rollout --share 0", "--share is between 1 and 100."),
            ("rollout --to x --share 101", "--share is between 1 and 100."),
            ("rollout --share 5 --name x", "--name goes with --to."),
            ("rollout --to x --name a=b", "--name is one word."),
            ("rollout --finish -- x", "arguments go with --to."),
            ("drain --worker", "Missing value for '--worker <number>'"),
            ("drain --worker x", "The value 'x' is invalid for '--worker <number>'"),
            ("stop --fast", "Unknown option '--fast'"),
            ("pause :1 :2", "Unexpected argument ':2'"),
            ("status :80 --control /x", "an address and --control exclude each other."),
            (
                "reload nowhere",
                "\"nowhere\" is not an address to connect to or listen on: the port is missing; write nowhere:PORT"
            ),
            (
                "resume 127.0.0.1:99999",
                "\"127.0.0.1:99999\" is not an address to connect to or listen on: the port 99999 is above 65535"
            ),
            ("serve --patience 3", "--patience goes with --model process-pool or reuse-port, not event-loops."),
            ("serve --ready-within 3", "--ready-within goes with --model process-pool or reuse-port, not event-loops."),
            ("serve --model process-pool --ready-within 0", "--ready-within is between 0.1 and a year."),
            ("serve --model process-pool --max-age 0", "--max-age is between 1 and a year."),
            (
                "serve --model process-pool --max-connections-per-worker 0",
                "--max-connections-per-worker is at least 1."
            ),
        ]
        try await onOwnThread {
            for (arguments, sentence) in cases {
                let words = arguments.split(separator: " ").map { String($0) }
                let result = try run(try Program.buildDirectory() + "/berth", words)
                #expect(result.end == .exited(code: 2), "\(arguments)")
                #expect(result.error.split(separator: "\n").first.map { String($0) } == "Error: \(sentence)")
                #expect(result.standard == "")
            }
        }
    }

    @Test("say in one sentence that no harbour has the address, or that it is not clear which one is meant")
    func choice() async throws {
        try await onOwnThread {
            let folder = try python("import tempfile; print(tempfile.mkdtemp(), end='')")
            // Whose directory it is goes by the user: that of root is not ours to fill.
            let places = """
                import os, sys
                berth, folder, *arguments = sys.argv[1:]
                if os.geteuid() == 0: os.setgid(65534); os.setuid(65534)
                os.execve(berth, [berth] + arguments, dict(os.environ, XDG_RUNTIME_DIR=folder))
                """
            _ = try python(
                """
                import os, sys
                os.chmod(sys.argv[1], 0o755)
                os.mkdir(sys.argv[1] + '/berth')
                """, folder)
            func ask(_ arguments: String...) throws -> String {
                let result = try run("python3", ["-c", places, try Self.reachable(folder), folder] + arguments)
                #expect(result.end == .exited(code: 1), "\(arguments)")
                return result.error
            }
            let directory = "\(folder)/berth"
            #expect(try ask("status") == "berth: there is no harbour in \(directory)\n")
            #expect(
                try ask("stop", "127.0.0.1:7")
                    == "berth: no harbour of 127.0.0.1:7 is in \(directory); name its socket by --control\n")
            _ = try python(
                "import sys; [open(f'{sys.argv[1]}/{n}.sock', 'w') for n in ('127.0.0.1:7', '[::1]:7')]", directory)
            #expect(
                try ask("pause") == "berth: there are several harbours, name one: 127.0.0.1:7, [::1]:7\n")
            #expect(
                try ask("drain", ":7")
                    == "berth: several harbours have that port: \(directory)/127.0.0.1:7.sock, \(directory)/[::1]:7.sock\n"
            )
        }
    }

    /// The command where everyone can get at it: the same file by another name.
    private static func reachable(_ folder: String) throws -> String {
        _ = try python(
            """
            import os, shutil, sys
            if not os.path.exists(sys.argv[2]):
                try: os.link(*sys.argv[1:])
                except OSError: shutil.copy(*sys.argv[1:])
            """, try Program.buildDirectory() + "/berth", "\(folder)/program")
        return "\(folder)/program"
    }

    @Test("say in one sentence what the harbour does not have")
    func refused() async throws {
        try await onOwnThread {
            let harbour = try HarbourFixture()
            try Self.expect(["drain", harbour.port, "--worker", "99"], "there is no worker 99")
            try Self.expect(["rollout", harbour.port, "--back"], "there is only one version, v1")
            try Self.expect(["rollout", harbour.port, "--share", "5"], "there is only one version, v1")
            let version = try harbour.ask("rollout", "--to", "/no/such/program", "--name", "v2")
            let reason =
                spawnTellsErrors
                ? "could not be started as /no/such/program: there is no such file or directory (ENOENT)"
                : "exited with 127"
            #expect(
                version.error
                    == "berth: v2 was given up, the old version serves: a worker of it \(reason) before it was ready\n")
            try harbour.service.stop()
        }
    }

    @Test("say in one sentence that it is another user's", .enabled(if: Kernel.effectiveUser == 0))
    func foreign() async throws {
        try await onOwnThread {
            let folder = try python("import os, tempfile; d = tempfile.mkdtemp(); os.chmod(d, 0o755); print(d, end='')")
            let path = "\(folder)/control"
            let harbour = try HarbourFixture(["--service", "echo", "--control", path], byPath: path)
            let ask = """
                import json, os, socket, sys
                os.setgid(65534); os.setuid(65534)
                s = socket.socket(socket.AF_UNIX)
                try:
                    s.connect(sys.argv[1]); s.sendall(b'{"version":1,"verb":"stop"}\\n')
                except PermissionError: print('no permission')
                except BrokenPipeError: print(json.loads(s.recv(4096))['error'])
                else: print(json.loads(s.recv(4096))['error'])
                """
            // The file is its owner's.
            #expect(try python(ask, path) == "no permission\n")
            let verbs = """
                import os, subprocess, sys
                os.setgid(65534); os.setuid(65534)
                for verb in ['status', 'reload', 'scale --workers 2', 'drain', 'stop', 'pause', 'resume', 'rollout --back']:
                    r = subprocess.run([sys.argv[1], *verb.split(), '--control', sys.argv[2]], capture_output=True, text=True)
                    print(r.returncode, r.stderr, end='')
                """
            #expect(
                try python(verbs, try Self.reachable(folder), path)
                    == String(repeating: "1 berth: the harbour at \(path) belongs to another user\n", count: 8))
            // And if it were not, the credentials are looked at.
            try Kernel.setMode(of: path, to: 0o666)
            #expect(try python(ask, path) == "this harbour belongs to another user\n")
            try harbour.service.stop()
        }
    }
}
