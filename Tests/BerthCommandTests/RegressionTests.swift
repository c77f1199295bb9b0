import BerthFraming
import BerthServer
import BerthSockets
import BerthSystem
import TestSupport
import Testing

@Suite("What once went wrong with the command")
struct RegressionTests {
    private func shell(_ text: String) throws -> (end: ProcessEnd, standard: String, error: String) {
        try run("sh", ["-c", text])
    }

    @Test("without a standard input there is nothing to send, and the connection is not taken for it")
    func noStandardInput() async throws {
        try await onOwnThread {
            let service = try Service([])
            let result = try shell("exec \(try Program.buildDirectory())/berth connect \(service.address) <&-")
            #expect(result.end == .exited(code: 0))
            #expect(result.standard == "Welcome!\n")
            try service.stop()
        }
    }

    @Test("without a standard error nothing that is said goes to the peer")
    func noStandardError() async throws {
        try await onOwnThread {
            let listener = try TCPListener.listen(on: "127.0.0.1:0")
            let client = try Program(
                "sh", ["-c", "exec \(try Program.buildDirectory())/berth connect \(listener.address) 2>&-"])
            client.closeInput()
            let stream = SocketStream(try listener.accept())
            #expect(try stream.readToEnd().isEmpty)
            try stream.finish()
            #expect(try client.end().end == .exited(code: 0))
        }
    }

    @Test("input that cannot be read is a failure")
    func unreadableInput() async throws {
        try await onOwnThread {
            let service = try Service(["--service", "discard"])
            let result = try shell("exec \(try Program.buildDirectory())/berth connect \(service.address) -q </tmp")
            #expect(result.end == .exited(code: 1))
            #expect(result.error.hasPrefix("cannot read standard input: it is a directory (EISDIR); sent 0 bytes"))
            try service.stop()
        }
    }

    @Test("a line that the framing cannot carry is the reason that is told, not what came of it")
    func unframeableLine() async throws {
        try await onOwnThread {
            let service = try Service(["--service", "discard"])
            let result = try berth(
                "connect", service.address, "--framing", "fixed", "--fixed-size", "5", input: "abc\n")
            #expect(result.end == .exited(code: 1))
            #expect(result.error.contains("5 bytes"), "\(result.error)")
            #expect(!result.error.contains("EPIPE") && !result.error.contains("RST"), "\(result.error)")
            try service.stop()
        }
    }

    @Test("a peer that closes its half first still gets all of the input")
    func peerFinishesFirst() async throws {
        try await onOwnThread {
            let listener = try TCPListener.listen(on: "127.0.0.1:0")
            let client = try Program(
                "sh",
                [
                    "-c",
                    "head -c 8000000 /dev/zero | exec \(try Program.buildDirectory())/berth connect \(listener.address)",
                ])
            let socket = try listener.accept()
            try socket.shutdown(.writing)
            let stream = SocketStream(socket)
            #expect(try stream.readToEnd(limit: .mebibytes(16)).count == 8_000_000)
            stream.close()
            #expect(try client.end().end == .exited(code: 0))
        }
    }

    @Test("a service outlives whoever reads its messages")
    func nobodyReadsMessages() async throws {
        try await onOwnThread {
            let answer = try python(
                """
                import signal, socket, subprocess, sys
                p = subprocess.Popen([sys.argv[1], 'serve', '127.0.0.1:0', '--verbose'], stderr=subprocess.PIPE)
                port = int(p.stderr.readline().split()[3].split(b':')[1])
                p.stderr.close()
                for _ in range(3):
                    s = socket.create_connection(('127.0.0.1', port)); print(s.recv(100)); s.close()
                p.send_signal(signal.SIGTERM); print(p.wait())
                """, try Program.buildDirectory() + "/berth")
            #expect(answer == String(repeating: "b'Welcome!\\n'\n", count: 3) + "0\n")
        }
    }

    @Test("a signal that comes with the first word is heeded", arguments: TestModels.all)
    func signalAtOnce(model: ConcurrencyModel) async throws {
        try await onOwnThread {
            for _ in 0..<10 {
                let service = try Service([], model: model)
                try service.stop()
            }
        }
    }

    @Test(
        "a program that heeds nothing is killed when the end is hurried, and leaves nothing behind",
        arguments: TestModels.all)
    func stubbornProgram(model: ConcurrencyModel) async throws {
        try await onOwnThread {
            let service = try Service(
                ["--", "sh", "-c", "trap '' TERM; echo $$; while :; do sleep 1; done"], model: model)
            let stream = SocketStream(try TCPSocket.connect(to: Endpoint(stringLiteral: service.address)))
            let pid = try #require(try stream.readLine())
            service.program.signal(.terminate)
            _ = service.program.line(containing: "ending; 1 connection open")
            service.program.signal(.interrupt)
            let result = try service.program.end()
            #expect(result.end == .exited(code: 1))
            #expect(result.error.contains("served 1 connection: 1 killed"), "\(result.error)")
            #expect(throws: Errno.self) { _ = try Kernel.contents(of: "/proc/\(pid)/stat") }
        }
    }

    @Test(
        "tells how to talk to it also where it serves on IPv6 and on a Unix socket",
        arguments: [
            ("[::1]:0", "try: nc ::1 "), ("[::]:0", "try: nc 127.0.0.1 "),
            ("@berth-hint-test", "try: berth connect @berth-hint-test"),
        ])
    func hints(address: String, hint: String) async throws {
        try await onOwnThread {
            let program = try Program.berth("serve", address)
            let line = try #require(program.line(containing: "try: "))
            #expect(line.hasPrefix(hint) && !line.hasSuffix(" "), "\(line)")
            program.signal(.terminate)
            #expect(try program.end().end == .exited(code: 0))
        }
    }
}

/// Keeps a socket open.
private final class SocketStreamBox: @unchecked Sendable {
    // Unchecked: used by one thread of a test.
    private let stream: SocketStream
    init(_ socket: consuming TCPSocket) { stream = SocketStream(socket) }
}
