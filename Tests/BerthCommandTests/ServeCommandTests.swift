import BerthServer
import BerthSystem
import TestSupport
import Testing

@Suite("berth serve")
struct ServeCommandTests {
    @Test("greets, and answers Python, nc and socat", arguments: TestModels.everywhere)
    func greet(model: ConcurrencyModel) async throws {
        try await onOwnThread {
            let service = try Service([], model: model)
            let answers = try python(
                """
                import socket, sys
                s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
                print(s.recv(100)); s.sendall(b'Ada'); print(s.recv(100))
                s.sendall('你好'.encode()); print(s.recv(100).decode().strip())
                s.shutdown(socket.SHUT_WR); print(s.recv(100))
                """, service.port)
            #expect(answers == "b'Welcome!\\n'\nb'Hello, Ada!\\n'\nHello, 你好!\nb''\n")
            let netcat = try run("nc", ["-N", "127.0.0.1", service.port], input: "Bob\n")
            #expect(netcat.standard == "Welcome!\nHello, Bob!\n")
            let socat = try run("socat", ["-t", "60", "-", "TCP:127.0.0.1:\(service.port)"], input: "Eve\r\n")
            #expect(socat.standard == "Welcome!\nHello, Eve!\n")
            let last = "served 3 connections: 3 peer finished; 18 bytes received, 78 bytes sent\n"
            #expect(try service.stop().hasSuffix(last))
        }
    }

    @Test(
        "reverse without a framing gives the answers of the article's makefile session",
        arguments: TestModels.all)
    func makefileSession(model: ConcurrencyModel) async throws {
        try await onOwnThread {
            let service = try Service(["--service", "reverse"], model: model)
            let answers = try python(
                """
                import socket, sys
                s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
                print(s.recv(100) == ("hello," + str(s.getsockname())).encode())
                s.sendall(b'1234567')
                s.settimeout(0.3)
                try: print(s.recv(100))
                except TimeoutError: print('no newline, blocked')
                s.settimeout(10)
                s.sendall(b'1234567\\n'); print(s.recv(100))
                s.sendall(b'abcdefg\\n'); print(s.recv(100))
                s.sendall(b''); s.sendall(b'\\n'); print(s.recv(100))
                """, service.port)
            #expect(answers == "True\nno newline, blocked\nb'76543217654321'\nb'gfedcba'\nb''\n")
            let netcat = try run("nc", ["-N", "127.0.0.1", service.port], input: "abc\ndef\n\nlost\n")
            #expect(netcat.standard.hasSuffix("cbafed"))
            let socat = try run("socat", ["-t", "60", "-", "TCP:127.0.0.1:\(service.port)"], input: "stressed\n")
            #expect(socat.standard.hasSuffix("desserts"))
            try service.stop()
        }
    }

    @Test("reverses lines and frames as whole messages", arguments: TestModels.all)
    func reverseFramed(model: ConcurrencyModel) async throws {
        try await onOwnThread {
            let lines = try Service(["--service", "reverse", "--framing", "line"], model: model)
            let netcat = try run("nc", ["-N", "127.0.0.1", lines.port], input: "abc\r\n\nxyz\n")
            #expect(netcat.standard == "cba\n\nzyx\n")
            try lines.stop()
        }
    }

    @Test(
        "echoes whatever framing is asked for",
        arguments: TestModels.everywhere,
        [
            ["--framing", "raw"], ["--framing", "line"], ["--framing", "length-prefix"],
            ["--length-bytes", "2", "--length-endian", "little", "--length-counts", "body"],
            ["--delimiter", #"\r\n.\r\n"#], ["--fixed-size", "1"],
        ])
    func echo(model: ConcurrencyModel, framing: [String]) async throws {
        try await onOwnThread {
            let service = try Service(["--service", "echo"] + framing, model: model)
            let arguments = ["connect", service.address, "--quiet"] + framing
            let answer = try run(try Program.buildDirectory() + "/berth", arguments, input: "a\nb\n")
            #expect(answer.standard == "a\nb\n", "\(framing): \(answer.error)")
            try service.stop()
        }
    }

    @Test(
        "generates characters until the client leaves, and discards what it is sent", arguments: TestModels.all)
    func chargenAndDiscard(model: ConcurrencyModel) async throws {
        try await onOwnThread {
            let chargen = try Service(["--service", "chargen"], model: model)
            let lines = try python(
                """
                import socket, sys
                s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
                f = s.makefile('rb'); print(*[f.readline()[:4].decode() + str(len(f.readline())) for _ in range(2)])
                """, chargen.port)
            #expect(lines == ##" !"#74 "#$%74\##n"##)
            try chargen.stop()
            let discard = try Service(["--service", "discard"], model: model)
            let answer = try run("nc", ["-N", "127.0.0.1", discard.port], input: "anything")
            #expect(answer.standard == "")
            try discard.stop()
        }
    }

    @Test("ends with 2 and one sentence for a wrong argument")
    func usage() async throws {
        try await onOwnThread {
            let cases: [([String], String)] = [
                (["serve", "nowhere"], "Error: \"nowhere\" is not an address"),
                (["serve", "--framing", "xml"], "Error: The value 'xml' is invalid for '--framing <framing>'"),
                (["serve", "--length-bytes", "5"], "Error: --length-bytes is 1, 2, 3, 4 or 8, not 5."),
                (
                    ["serve", "--framing", "line", "--delimiter", "x"],
                    "Error: --delimiter goes with --framing delimiter"
                ),
                (["serve", "--max-frame", "1k"], "Error: --max-frame needs a --framing."),
                (["serve", "--max-connections", "0"], "Error: --max-connections is at least 1."),
                (["serve", "--service", "store"], "Error: --service store needs --directory."),
                (["serve", "--service", "echo", "--", "cat"], "Error: --service and a program exclude each other."),
                (["serve", "--threads", "3"], "Error: --threads goes with --model thread-pool, not event-loops."),
                (
                    ["serve", "--model", "event-loops", "--threads", "3"],
                    "Error: --threads goes with --model thread-pool, not event-loops."
                ),
                (
                    ["serve", "--model", "thread-pool", "--loops", "3"],
                    "Error: --loops goes with --model event-loops, not thread-pool."
                ),
                (
                    ["serve", "--model", "threads", "--loops", "3"],
                    "Error: --loops goes with --model event-loops, not threads."
                ),
                (
                    ["serve", "--model", "threads", "--io", "epoll"],
                    "Error: --io goes with --model event-loops, not threads."
                ),
                (
                    ["serve", "--model", "thread-pool", "--io", "epoll"],
                    "Error: --io goes with --model event-loops, not thread-pool."
                ),
                (["serve", "--model", "thread-pool", "--threads", "0"], "Error: --threads is between 1 and 65536."),
                (["serve", "--model", "event-loops", "--loops", "0"], "Error: --loops is between 1 and 65536."),
                (["serve", "--model", "forks"], "Error: The value 'forks' is invalid for '--model <model>'"),
                (["connect"], "Error: Missing expected argument '<address>'"),
                (["connect", "127.0.0.1:0"], "Error: port 0 can be listened on, but not connected to."),
            ]
            for (arguments, message) in cases {
                let result = try run(try Program.buildDirectory() + "/berth", arguments)
                #expect(result.end == .exited(code: 2), "\(arguments)")
                #expect(result.error.hasPrefix(message), "\(arguments): \(result.error)")
                #expect(result.standard == "")
            }
        }
    }

    @Test("prints help on standard output and ends with 0")
    func help() async throws {
        try await onOwnThread {
            for arguments in [["--help"], ["serve", "--help"], ["connect", "--help"], ["send", "--help"], []] {
                let result = try run(try Program.buildDirectory() + "/berth", arguments)
                #expect(result.end == .exited(code: 0))
                #expect(result.standard.contains("USAGE: berth"))
                #expect(result.error == "")
            }
        }
    }

    @Test("says the model and its numbers")
    func announcement() async throws {
        try await onOwnThread {
            let cases: [([String], String)] = [
                (["--model", "threads"], "(threads, raw chunks, backlog "),
                (["--model", "thread-pool", "--threads", "3"], "(thread-pool of 3, raw chunks, backlog "),
                (
                    ["--model", "thread-pool", "--threads", "3", "--max-connections", "2"],
                    "(thread-pool of 2, raw chunks, backlog "
                ),
            ]
            for (arguments, text) in cases {
                let service = try Service(arguments)
                let line = service.program.line(containing: "serving greet on ")
                #expect(line?.contains(text) == true, "\(line ?? "")")
                let said = try service.stop()
                let note =
                    "asked for 3 threads, got 2: a pool has no more than there may be connections (--max-connections)\n"
                #expect(said.contains(note) == text.contains("of 2,"), "\(said)")
            }
        }
    }

    @Test("tells how to talk to it, with lines that work", arguments: TestModels.all)
    func hints(model: ConcurrencyModel) async throws {
        try await onOwnThread {
            let service = try Service([], model: model)
            let hint = try #require(service.program.line(containing: "try: python3 -c "))
            let answer = try run("sh", ["-c", String(hint.dropFirst("try: ".count))])
            #expect(answer.standard == "b'Welcome!\\n'\nb'Hello, Ada!\\n'\n")
            try service.stop()
        }
    }
}
