import BerthServer
import BerthSystem
import TestSupport
import Testing

@Suite("berth serve -- PROGRAM")
struct ProgramTests {
    @Test("runs it for each connection, with the connection as its input and output", arguments: TestModels.all)
    func cat(model: ConcurrencyModel) async throws {
        try await onOwnThread {
            let service = try Service(["--", "cat"], model: model)
            for text in ["one\n", "two\n"] {
                #expect(try run("nc", ["-N", "127.0.0.1", service.port], input: text).standard == text)
            }
            try service.stop()
        }
    }

    @Test("tells it the addresses in the usual variables", arguments: TestModels.all)
    func environment(model: ConcurrencyModel) async throws {
        try await onOwnThread {
            let service = try Service(
                [
                    "--", "sh", "-c", "echo $PROTO $TCPREMOTEIP $TCPREMOTEPORT $TCPLOCALIP $TCPLOCALPORT",
                ], model: model)
            let answer = try python(
                """
                import socket, sys
                s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
                expected = 'TCP 127.0.0.1 %d 127.0.0.1 %s\\n' % (s.getsockname()[1], sys.argv[1])
                print(s.makefile().read() == expected)
                """, service.port)
            #expect(answer == "True\n")
            try service.stop()
        }
    }

    @Test(
        "gives it the connection and standard error, and no descriptor of the server", arguments: TestModels.all)
    func descriptors(model: ConcurrencyModel) async throws {
        try await onOwnThread {
            let service = try Service(["--", "sh", "-c", "exec ls -l /proc/self/fd"], model: model)
            let answer = try run("nc", ["-N", "127.0.0.1", service.port])
            // ls itself opens the directory it lists.
            let targets = answer.standard.split(separator: "\n").compactMap { line -> String? in
                line.contains(" -> ") ? String(line.split(separator: " ").suffix(3).joined(separator: " ")) : nil
            }
            #expect(targets.count == 4, "\(answer.standard)")
            #expect(targets[0].hasPrefix("0 -> socket:"))
            #expect(targets[1].hasPrefix("1 -> socket:"))
            #expect(targets[0].dropFirst() == targets[1].dropFirst())
            #expect(targets[2].hasPrefix("2 -> pipe:"))
            #expect(targets[3].contains("/proc/"))
            try service.stop()
        }
    }

    @Test(
        "lets it read for as long as it likes, though the server's own waits are short",
        arguments: TestModels.all)
    func slowReader(model: ConcurrencyModel) async throws {
        try await onOwnThread {
            let service = try Service(["--", "sh", "-c", "read line; echo got $line"], model: model)
            let answer = try python(
                """
                import socket, sys, time
                s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
                time.sleep(0.5)   # longer than SocketStream.patience
                s.sendall(b'it\\n'); print(s.makefile().read())
                """, service.port)
            #expect(answer == "got it\n\n")
            try service.stop()
        }
    }

    @Test("ends its input when the service ends, so that it can end well", arguments: TestModels.all)
    func drain(model: ConcurrencyModel) async throws {
        try await onOwnThread {
            let service = try Service(["--verbose", "--", "sh", "-c", "cat; echo bye"], model: model)
            let client = try Program("nc", ["127.0.0.1", service.port])
            client.write("hello\n")
            #expect(client.line(containing: "hello", on: .standard) != nil)
            #expect(try service.stop().contains("served 1 connection: 1 drained; "))
            #expect(client.line(containing: "bye", on: .standard) != nil)
            _ = try client.end()
        }
    }

    @Test("says so when it cannot be run, and goes on serving", arguments: TestModels.all)
    func missing(model: ConcurrencyModel) async throws {
        try await onOwnThread {
            let service = try Service(["--", "/nonexistent/program"], model: model)
            #expect(try run("nc", ["-N", "127.0.0.1", service.port]).standard == "")
            let line = service.program.line(containing: "there is no such file or directory (ENOENT)")
            #expect(line?.contains("/nonexistent/program") == true)
            try service.stop()
        }
    }
}
