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

    @Test("say in one sentence what the harbour does not have")
    func refused() async throws {
        try await onOwnThread {
            let harbour = try HarbourFixture()
            try Self.expect(["drain", harbour.port, "--worker", "99"], "there is no worker 99")
            try Self.expect(["rollout", harbour.port, "--back"], "there is only one version, v1")
            try Self.expect(["rollout", harbour.port, "--share", "5"], "there is only one version, v1")
            let version = try harbour.ask("rollout", "--to", "/no/such/program", "--name", "v2")
            #expect(
                version.error
                    == "berth: v2 was given up, the old version serves: a worker of it could not be started as "
                    + "/no/such/program: there is no such file or directory (ENOENT) before it was ready\n")
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
            // And if it were not, the credentials are looked at.
            try Kernel.setMode(of: path, to: 0o666)
            #expect(try python(ask, path) == "this harbour belongs to another user\n")
            try harbour.service.stop()
        }
    }
}
