import BerthServer
import BerthSystem
import TestSupport
import Testing

@Suite("berth serve on sockets that were handed over", .serialized)
struct ActivationCommandTests {
    /// Listens, and becomes `berth serve` with what follows.
    private static func handOver(count: Int) -> String {
        """
        import os, socket, sys
        sockets = [socket.create_server(('127.0.0.1', 0)) for _ in range(\(count))]
        print(' '.join(str(s.getsockname()[1]) for s in sockets), flush=True)
        numbers = [os.dup(s.fileno()) for s in sockets]
        for place, number in enumerate(numbers): os.dup2(number, 100 + place)
        for place in range(len(numbers)): os.dup2(100 + place, 3 + place, inheritable=True)
        os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(numbers)))
        os.execv(sys.argv[1], sys.argv[1:])
        """
    }

    @Test("serves at all of them, under every model", arguments: TestModels.everywhere)
    func serves(model: ConcurrencyModel) async throws {
        try await onOwnThread {
            let berth = try Program.buildDirectory() + "/berth"
            let program = try Program(
                "python3", ["-c", Self.handOver(count: 2), berth, "serve", "--service", "echo"] + model.arguments)
            let ports = try #require(program.line(containing: " ", on: .standard)).split(separator: " ")
            #expect(ports.count == 2)
            for port in ports + ports {
                let answer = try run("nc", ["-N", "127.0.0.1", String(port)], input: "hello")
                #expect(answer.standard == "hello")
            }
            program.signal(.terminate)
            let (end, _, error) = try program.end()
            #expect(end == .exited(code: 0))
            #expect(error.contains("served 4 connections: 4 peer finished; "), "\(error)")
        }
    }

    @Test(
        "tells its manager that it is ready and that it stops",
        arguments: [ConcurrencyModel.threads, .processPool(workers: 2)])
    func notifies(model: ConcurrencyModel) async throws {
        try await onOwnThread {
            let listener = """
                import os, socket, subprocess, sys, tempfile
                path = os.path.join(tempfile.mkdtemp(), 'notify')
                s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind(path); s.settimeout(60)
                p = subprocess.Popen(sys.argv[1:], env=dict(os.environ, NOTIFY_SOCKET=path), stderr=subprocess.DEVNULL)
                def wait(word):
                    while True:
                        lines = s.recv(4096).decode().split('\\n')
                        if word in lines: return print(word, flush=True)
                wait('READY=1'); p.terminate(); wait('STOPPING=1'); print(p.wait())
                """
            let berth = try Program.buildDirectory() + "/berth"
            let said = try run("python3", ["-c", listener, berth, "serve", "127.0.0.1:0"] + model.arguments)
            #expect(said.standard == "READY=1\nSTOPPING=1\n0\n", "\(said.error)")
        }
    }

    @Test("keeps its manager's watchdog quiet, and tells of a reload and of its successor")
    func watchdog() async throws {
        try await onOwnThread {
            let listener = """
                import os, signal, socket, subprocess, sys, tempfile, time
                path = os.path.join(tempfile.mkdtemp(), 'notify')
                s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind(path); s.settimeout(240)
                p = subprocess.Popen(sys.argv[1:], stderr=subprocess.DEVNULL,
                    env=dict(os.environ, NOTIFY_SOCKET=path, WATCHDOG_USEC='2000000'))
                told = []
                def wait(word, count=1):
                    times = []
                    while len(times) < count:
                        lines = s.recv(4096).decode().split('\\n'); told.extend(lines)
                        found = [l for l in lines if l.startswith(word)]
                        if found: times.append(time.monotonic())
                    print(word, flush=True); return times, found[0]
                wait('READY=1')
                times, _ = wait('WATCHDOG=1', 4)
                # Twice in the time that the manager gives it.
                print(times[-1] - times[0] > 2.5)
                p.send_signal(signal.SIGHUP); wait('RELOADING=1'); wait('READY=1')
                p.send_signal(signal.SIGUSR2)
                main = int(wait('MAINPID=')[1].split('=')[1])
                print(p.wait()); wait('WATCHDOG=1')
                os.kill(main, signal.SIGTERM); wait('STOPPING=1')
                print(any(l.startswith('MONOTONIC_USEC=') for l in told), any(l.startswith('STATUS=2 workers') for l in told))
                """
            let berth = try Program.buildDirectory() + "/berth"
            let said = try run(
                "python3", ["-c", listener, berth, "serve", "127.0.0.1:0", "--model", "process-pool", "--workers", "2"])
            #expect(
                said.standard
                    == "READY=1\nWATCHDOG=1\nTrue\nRELOADING=1\nREADY=1\nMAINPID=\n0\nWATCHDOG=1\nSTOPPING=1\nTrue True\n",
                "\(said.error)")
        }
    }

    private static let activator = "/usr/bin/systemd-socket-activate"

    @Test(
        "is started by systemd-socket-activate when somebody connects",
        .enabled(if: (try? Kernel.status(of: activator)) != nil, "there is no systemd-socket-activate here"),
        arguments: [ConcurrencyModel.eventLoops(loops: 1, io: .epoll), .threads, .processPool(workers: 2)])
    func activated(model: ConcurrencyModel) async throws {
        try await onOwnThread {
            let path = try python("import tempfile; print(tempfile.mkdtemp() + '/socket', end='')")
            let berth = try Program.buildDirectory() + "/berth"
            let program = try Program(
                Self.activator, ["--listen", path, berth, "serve", "--service", "echo"] + model.arguments)
            #expect(program.line(containing: "Listening on \(path) as 3") != nil)
            for _ in 0..<2 {
                #expect(try run("nc", ["-N", "-U", path], input: "hello").standard == "hello")
            }
            program.signal(.terminate)
            let (end, _, error) = try program.end()
            #expect(end == .exited(code: 0))
            #expect(error.hasSuffix("served 2 connections: 2 peer finished\n"), "\(error)")
        }
    }

    @Test("writes the port to a file and a line break to a descriptor once it serves", arguments: TestModels.everywhere)
    func readiness(model: ConcurrencyModel) async throws {
        try await onOwnThread {
            let script = """
                import os, socket, subprocess, sys, tempfile
                path = os.path.join(tempfile.mkdtemp(), 'port'); r, w = os.pipe()
                p = subprocess.Popen(sys.argv[1:] + ['--port-file', path, '--ready-fd', str(w)], pass_fds=[w],
                    stderr=subprocess.DEVNULL)
                os.close(w); print(os.read(r, 10))
                s = socket.create_connection(('127.0.0.1', int(open(path).read()))); print(s.recv(100)); s.close()
                p.terminate(); print(p.wait())
                """
            let berth = try Program.buildDirectory() + "/berth"
            let said = try run("python3", ["-c", script, berth, "serve", "127.0.0.1:0"] + model.arguments)
            #expect(said.standard == "b'\\n'\nb'Welcome!\\n'\n0\n", "\(said.error)")
        }
    }

    @Test("says in one sentence what is wrong with them")
    func mistakes() async throws {
        try await onOwnThread {
            let cases = [
                ("LISTEN_PID=x LISTEN_FDS=1", "LISTEN_PID is \"x\", not a process id"),
                ("LISTEN_PID=$$ LISTEN_FDS=two", "LISTEN_FDS is \"two\", not a number of descriptors"),
                ("LISTEN_PID=$$ LISTEN_FDS=1", "descriptor 3 is no listening stream socket (ENOTSOCK)"),
                (
                    "LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=a",
                    "LISTEN_FDNAMES has 1 names for 2 descriptors"
                ),
            ]
            for (variables, sentence) in cases {
                for model in ["threads", "process-pool"] {
                    let berth = try Program.buildDirectory() + "/berth"
                    let command = "export \(variables); exec \(berth) serve --model \(model) 3</dev/null"
                    let answer = try run("sh", ["-c", command])
                    #expect(answer.end == .exited(code: 1))
                    #expect(
                        answer.error
                            == "berth: cannot listen on the sockets that were handed over: \(sentence); "
                            + "see man 3 sd_listen_fds\n")
                }
            }
        }
    }
}
