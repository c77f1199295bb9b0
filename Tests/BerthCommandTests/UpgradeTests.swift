import BerthHarbour
import BerthSockets
import BerthSystem
import TestSupport
import Testing

// One after the other: each has several processes of its own.
@Suite("A harbour that is to be replaced by a program that fails", .serialized)
struct UpgradeTests {
    /// What lies where the harbour's program was.
    enum Successor: String, CaseIterable {
        case absent, crashes, hangs, forbidden

        var script: String? {
            switch self {
            case .absent: nil
            case .crashes: "#!/bin/sh\nexit 3\n"
            case .hangs: "#!/bin/sh\nexec sleep 1000\n"
            case .forbidden: ""
            }
        }

        func note(_ path: String) -> String {
            let begin = "the upgrade failed, this harbour goes on: "
            if !spawnTellsErrors, self == .absent || self == .forbidden {
                return begin + "the new one exited with 127 before it was ready"
            }
            return switch self {
            case .absent: begin + "\(path): there is no such file or directory (ENOENT)"
            case .crashes: begin + "the new one exited with 3 before it was ready"
            case .hangs: begin + "the new one was not ready within 10 s"
            case .forbidden: begin + "\(path): permission is denied (EACCES)"
            }
        }
    }

    @Test("stays in charge, says why, and is replaced by the next one that is fine", arguments: Successor.allCases)
    func fails(successor: Successor) async throws {
        try await onOwnThread {
            let folder = try python("import tempfile; print(tempfile.mkdtemp(), end='')")
            let (path, port) = ("\(folder)/berth", "\(folder)/port")
            // The same file by another name, which can be put out of the way.
            let link = """
                import os, shutil, sys
                try: os.link(*sys.argv[1:])
                except OSError: shutil.copy(*sys.argv[1:])
                """
            _ = try python(link, Program.buildDirectory() + "/berth", path)
            let program = try Program(
                path,
                [
                    "serve", "127.0.0.1:0", "--service", "echo", "--model", "process-pool", "--workers", "1",
                    "--ready-within", successor == .hangs ? "5" : "240", "--port-file", port,
                ])
            _ = try #require(program.line(containing: "is ready"))
            let address = try #require(program.listeningAddress())
            let stays = try HarbourFixture.connect(to: address)
            try stays.expect("hello")
            let visits = try Visits(to: address)
            let change = """
                import os, sys
                os.unlink(sys.argv[1])
                if sys.argv[2] == 'absent': sys.exit()
                with open(sys.argv[1], 'w') as f: f.write(sys.argv[3])
                os.chmod(sys.argv[1], 0o644 if sys.argv[2] == 'forbidden' else 0o755)
                """
            _ = try python(change, path, successor.rawValue, successor.script ?? "")
            program.signal(.user2)
            #expect(program.line(containing: "the upgrade failed") == successor.note(path))
            #expect(visits.wait(for: 3))
            // It is the same one that answers, by the same socket, and it can be asked again.
            let status = try berth("status", address, "--json")
            #expect(JSONValue(parsing: status.standard)?["pid"]?.number == Int(program.pid))
            #expect(visits.end() == [])
            try stays.sendAll(Array("again".utf8), timeout: .whole(.seconds(240)))
            try stays.expect("again")
            stays.close()
            #expect(try berth("stop", address).end == .exited(code: 0))
            #expect(try program.end().end == .exited(code: 0))
        }
    }

    @Test("can be reached at any time while it is replaced")
    func control() async throws {
        try await onOwnThread {
            let harbour = try HarbourFixture(["--service", "echo", "--ready-within", "240"])
            let asking = """
                import json, os, signal, socket, sys, time
                path = sys.argv[1]
                def ask():
                    while True:
                        s = socket.socket(socket.AF_UNIX); s.connect(path)
                        try:
                            s.sendall(b'{"version":1,"verb":"status"}\\n'); line = s.makefile().readline()
                        # The old one had not read it: the new one is asked.
                        except (BrokenPipeError, ConnectionResetError): continue
                        return json.loads(line)
                first = ask()['pid']; pid = first; count = 0
                os.kill(pid, signal.SIGUSR2)
                end = time.monotonic() + 240
                while pid == first and time.monotonic() < end:
                    pid = ask()['pid']; count += 1
                print(pid != first, count > 0, oct(os.stat(path).st_mode & 0o777)); print(pid)
                """
            let path = try #require(harbour.program.line(containing: "control ")).split(separator: " ").last ?? ""
            let said = try python(asking, String(path))
            #expect(said.hasPrefix("True True 0o600\n"), "\(said)")
            let pid = try #require(Int32(said.split(separator: "\n").last ?? ""))
            defer { try? Kernel.signal(pid, Signal.kill.rawValue) }
            #expect(try harbour.program.waitForEnd() == .exited(code: 0))
            // The old one has left the file where it is, and the new one takes it away.
            #expect((try? Kernel.status(of: String(path))) != nil)
            #expect(try harbour.ask("stop").end == .exited(code: 0))
            #expect(HarbourFixture.waitForEnd(of: pid))
            #expect((try? Kernel.status(of: String(path))) == nil)
        }
    }

    @Test("ends what is to replace it when it is told to end meanwhile")
    func stopMeanwhile() async throws {
        try await onOwnThread {
            let folder = try python("import tempfile; print(tempfile.mkdtemp(), end='')")
            let path = "\(folder)/berth"
            let copy = "import shutil, sys; shutil.copy(*sys.argv[1:])"
            _ = try python(copy, Program.buildDirectory() + "/berth", path)
            let program = try Program(
                path, ["serve", "127.0.0.1:0", "--service", "echo", "--model", "process-pool", "--workers", "1"])
            _ = try #require(program.line(containing: "is ready"))
            let hang = """
                import os, sys
                os.unlink(sys.argv[1])
                with open(sys.argv[1], 'w') as f: f.write('#!/bin/sh\\nexec sleep 1000\\n')
                os.chmod(sys.argv[1], 0o755)
                """
            _ = try python(hang, path)
            program.signal(.user2)
            let note = try #require(program.line(containing: "upgrade: a new harbour"))
            let pid = try #require(Int32(note.drop { !$0.isNumber }.prefix { $0.isNumber }))
            program.signal(.terminate)
            let end = try program.end()
            #expect(end.end == .exited(code: 0))
            #expect(end.error.contains("the upgrade was given up: this harbour was told to end\n"))
            #expect(HarbourFixture.waitForEnd(of: pid))
        }
    }

    @Test("leaves the file of a Unix socket to the new one, which removes it in the end")
    func file() async throws {
        try await onOwnThread {
            let path = try python("import tempfile; print(tempfile.mkdtemp(), end='')") + "/service"
            let program = try Program(
                try Program.buildDirectory() + "/berth",
                ["serve", path, "--service", "echo", "--model", "process-pool", "--workers", "1"])
            _ = try #require(program.line(containing: "is ready"))
            program.signal(.user2)
            #expect(try program.waitForEnd() == .exited(code: 0))
            let status = try berth("status", path, "--json")
            let pid = try #require(JSONValue(parsing: status.standard)?["pid"]?.number.map { Int32($0) })
            #expect(pid != program.pid)
            let socket = try HarbourFixture.connect(to: path)
            try socket.expect("hello")
            socket.close()
            #expect(try berth("stop", path).end == .exited(code: 0))
            #expect(HarbourFixture.waitForEnd(of: pid))
            #expect((try? Kernel.status(of: path)) == nil)
        }
    }
}
