import BerthSockets
import BerthSystem
import TestSupport
import Testing

/// `berth bench` against services that echo, and against others.
///
/// One after the other, because each takes all of the processors that it gets.
@Suite("berth bench", .serialized)
struct BenchCommandTests {
    private static let brief = ["--duration", "0.2", "--warmup", "0", "--connections", "4"]

    /// In a network of its own where that can be had: thousands of connections leave their ports in TIME_WAIT, and other
    /// tests bind ports exclusively.
    private func apart(_ body: @escaping @Sendable () throws -> Void) async throws {
        if PrivateNetwork.isAvailable { try await inPrivateNetwork(body) } else { try await onOwnThread(body) }
    }

    private func bench(_ arguments: [String]) throws -> (end: ProcessEnd, standard: String, error: String) {
        try run(try Program.buildDirectory() + "/berth", ["bench"] + arguments)
    }

    @Test(
        "checks what is echoed in any framing and finds nothing wrong",
        arguments: [
            ["--framing", "raw"], ["--framing", "line", "--depth", "5"],
            ["--framing", "length-prefix", "--depth", "16"],
            ["--length-bytes", "2", "--length-endian", "little", "--length-counts", "body"],
            ["--delimiter", #"\r\n.\r\n"#], ["--fixed-size", "33"], ["--framing", "headers", "--depth", "3"],
        ])
    func framings(framing: [String]) async throws {
        try await apart {
            let own = framing.filter { $0 != "--depth" && Int($0) == nil || $0 == "33" || $0 == "2" }
            let service = try Service(["--service", "echo"] + own)
            let result = try bench([service.address] + framing + Self.brief)
            #expect(result.end == .exited(code: 0), "\(result.error)\(result.standard)")
            #expect(result.standard.contains("errors    none; every byte of every reply was checked\n"))
            #expect(result.standard.contains("latency"))
            try service.stop()
        }
    }

    @Test("checks messages that are larger than any buffer, and those of one byte")
    func sizes() async throws {
        try await apart {
            let service = try Service(["--service", "echo", "--framing", "length-prefix"])
            for size in ["1", "700KiB"] {
                let result = try bench([service.address, "--framing", "length-prefix", "--size", size] + Self.brief)
                #expect(result.end == .exited(code: 0), "\(result.error)\(result.standard)")
            }
            try service.stop()
        }
    }

    @Test("makes a connection for each message, closed and on a schedule, and until close")
    func churn() async throws {
        try await apart {
            let service = try Service(["--service", "echo", "--framing", "until-close"])
            for pace in [[], ["--rate", "200"]] {
                let result = try bench([service.address, "--framing", "until-close", "--churn"] + pace + Self.brief)
                #expect(result.end == .exited(code: 0), "\(result.error)\(result.standard)")
                #expect(result.standard.contains("a connection for each message, 4 connections at a time"))
            }
            try service.stop()
        }
    }

    @Test("sends on a schedule from several threads, and each message of it is in the latencies")
    func schedule() async throws {
        try await apart {
            let service = try Service(["--service", "echo"])
            let result = try bench(
                [service.address, "--rate", "1000", "--threads", "2", "--json"] + Self.brief
                    + ["--server-pid", "\(service.program.pid)"])
            #expect(result.end == .exited(code: 0), "\(result.error)\(result.standard)")
            let facts = try python(
                """
                import json, sys
                r = json.loads(sys.argv[1])
                print(r['version'], r['loop'], r['errors'], r['threads'], r['connections'])
                print(195 <= r['latency']['count'] <= 205, r['latency']['max_us'] >= r['latency']['p50_us'] > 0)
                print(r['service_cpu_cores'] is not None, len(r['series']))
                """, result.standard)
            #expect(facts == "1 open 0 2 4\nTrue True\nTrue 1\n")
            try service.stop()
        }
    }

    @Test("latencies of a schedule count from when a message was due, sent or not")
    func omission() async throws {
        try await apart {
            // Answers one message, and no other for as long as the bench sends.
            let service = try Program.python(
                """
                import socket, sys, time
                l = socket.create_server(('127.0.0.1', 0)); print(l.getsockname()[1], flush=True)
                l.accept()
                s, _ = l.accept(); s.sendall(s.recv(8)); d = s.recv(8); sys.stdin.read()
                """)
            let port = try #require(service.line(containing: "", on: .standard))
            let result = try bench([
                "127.0.0.1:\(port)", "--rate", "100", "--size", "8", "--connections", "1", "--duration", "0.5",
                "--warmup", "0", "--stall", "0.6", "--json",
            ])
            #expect(result.end == .exited(code: 1))
            let facts = try python(
                """
                import json, sys
                r = json.loads(sys.argv[1])
                print(r['unsent_messages'] > 30, r['latency']['p90_us'] > 100000)
                print([e['kind'] for e in r['errors_by_kind']])
                """, result.standard)
            #expect(facts == "True True\n['no_reply']\n", "\(result.standard)")
            _ = try service.end()
        }
    }

    @Test("bytes that answer nothing, or are not what was sent, are counted with an example, and end it with 1")
    func wrongBytes() async throws {
        try await apart {
            let greeting = try Service([])
            let one = try bench([greeting.address] + Self.brief)
            #expect(one.end == .exited(code: 1))
            #expect(one.standard.contains(#": "Welcome!\n"#), "\(one.standard)")
            try greeting.stop()
            let reversing = try Service(["--service", "reverse", "--framing", "line"])
            let two = try bench([reversing.address, "--framing", "line"] + Self.brief)
            #expect(two.end == .exited(code: 1))
            #expect(two.standard.contains("message 0 from byte 0 on is not what was sent: "), "\(two.standard)")
            try reversing.stop()
        }
    }

    @Test("a swapped reply is wrong though it is as long")
    func swapped() async throws {
        try await apart {
            let service = try Program.python(
                """
                import socket
                l = socket.create_server(('127.0.0.1', 0)); print(l.getsockname()[1], flush=True)
                l.accept()
                a, _ = l.accept(); b, _ = l.accept()
                x, y = a.recv(64), b.recv(64); a.sendall(y); b.sendall(x); kept = []
                while True: kept.append(l.accept())
                """)
            let port = try #require(service.line(containing: "", on: .standard))
            let result = try bench([
                "127.0.0.1:\(port)", "--connections", "2", "--duration", "0.3", "--warmup", "0", "--stall", "0.3",
            ])
            #expect(result.end == .exited(code: 1))
            #expect(result.standard.contains("  wrong bytes  "), "\(result.standard)")
            service.signal(.kill)
            try service.waitForEnd()
        }
    }

    @Test("services that close, reset or say nothing are told apart, and never hang it")
    func failures() async throws {
        try await apart {
            let cases: [(String, String)] = [
                ("s.recv(64); s.shutdown(socket.SHUT_WR)", "closed early"),
                (
                    "s.recv(64); s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0)); s.close()",
                    "reset"
                ),
                ("pass", "no reply"),
            ]
            for (behaviour, kind) in cases {
                let service = try Program.python(
                    """
                    import socket, struct
                    l = socket.create_server(('127.0.0.1', 0)); print(l.getsockname()[1], flush=True)
                    l.accept(); kept = []
                    while True: s, _ = l.accept(); kept.append(s); \(behaviour)
                    """)
                let port = try #require(service.line(containing: "", on: .standard))
                let result = try bench([
                    "127.0.0.1:\(port)", "--connections", "1", "--duration", "0.3", "--warmup", "0", "--stall", "0.2",
                ])
                #expect(result.end == .exited(code: 1))
                #expect(result.standard.contains("\n  \(kind)  "), "\(kind): \(result.standard)")
                service.signal(.kill)
                try service.waitForEnd()
            }
        }
    }

    @Test("says in one sentence that nobody listens, and ends with 1")
    func refused() async throws {
        try await apart {
            let nobody = try RefusingPort()
            let result = try bench([nobody.address.description])
            #expect(result.end == .exited(code: 1))
            #expect(result.standard == "")
            #expect(result.error == "berth: cannot connect to \(nobody.address): nobody listens there (ECONNREFUSED)\n")
        }
    }

    @Test("more connections than there may be descriptors are refused in one sentence")
    func descriptors() async throws {
        try await apart {
            let service = try Service(["--service", "echo"])
            let command = "ulimit -n 100; exec \(try Program.buildDirectory())/berth bench \(service.address)"
            let result = try run("sh", ["-c", command])
            #expect(result.end == .exited(code: 1))
            #expect(
                result.error == "berth: 64 connections need 128 descriptors, and the limit is 100; "
                    + "raise it with ulimit -n\n")
            try service.stop()
        }
    }

    @Test("a service that ends while it is loaded is told as refused")
    func serviceEnds() async throws {
        try await apart {
            let service = try Service(["--service", "echo", "--verbose"])
            let load = try Program.berth(
                "bench", service.address, "--duration", "2", "--warmup", "0", "--connections", "2", "--stall", "1")
            _ = service.program.line(containing: "#3 ")
            try service.stop()
            let result = try load.end()
            #expect(result.end == .exited(code: 1))
            #expect(result.standard.contains("\n  refused "), "\(result.standard)")
        }
    }

    @Test("^C ends it early, with the report so far")
    func interrupted() async throws {
        try await apart {
            let service = try Service(["--service", "echo", "--verbose"])
            let load = try Program.berth("bench", service.address, "--duration", "600", "--warmup", "0.1")
            // All 64, and the one that tries whether anybody is there.
            _ = service.program.line(containing: "#65 ")
            load.signal(.interrupt)
            let result = try load.end()
            #expect(result.standard.contains("ended early") || result.standard.contains("nothing was measured"))
            try service.stop()
        }
    }

    @Test("serves each model itself, and compares them")
    func models() async throws {
        try await apart {
            let result = try bench(["--compare-models", "--delimiter", "; "] + Self.brief)
            #expect(result.end == .exited(code: 0), "\(result.error)\(result.standard)")
            #expect(result.standard.contains("model    ") && result.standard.contains("\nthreads "))
            #expect(result.standard.contains("\nCPU of the service for a request\n  event-loops "))
        }
    }

    @Test("ends with 2 and one sentence for a wrong argument")
    func usage() async throws {
        try await apart {
            let cases: [([String], String)] = [
                ([], "Error: give the address of a service, as in: berth bench 127.0.0.1:12345"),
                ([":1", "--depth", "0"], "Error: --depth is between 1 and 65536."),
                ([":1", "--connections", "0"], "Error: --connections is between 1 and 1000000."),
                ([":1", "--size", "0"], "Error: --size is between 1 and 256MiB."),
                ([":1", "--rate", "0"], "Error: --rate is between 0.001 and 100000000."),
                ([":1", "--duration", "0"], "Error: --duration is between 0.01 and 86400 seconds."),
                ([":1", "--churn", "--depth", "2"], "Error: --churn has one message on each connection"),
                (
                    [":1", "--framing", "until-close"],
                    "Error: --framing until-close has one message on each connection"
                ),
                ([":1", "--threads", "65"], "Error: --threads is between 1 and 256, and at most the number of"),
                ([":1", "--compare-models"], "Error: --compare-models serves by itself and takes neither"),
                ([":1", "--server-pid", "99999999"], "Error: --server-pid: there is no process 99999999."),
                ([":1", "--framing", "line", "--size", "65537"], "Error: --size: "),
                ([":1", "--fixed-size", "3", "--size", "4"], "Error: --size: "),
                ([":0"], "Error: port 0 can be listened on, but not connected to."),
            ]
            for (arguments, message) in cases {
                let result = try bench(arguments)
                #expect(result.end == .exited(code: 2), "\(arguments)")
                #expect(result.error.hasPrefix(message), "\(arguments): \(result.error)")
                #expect(result.standard == "")
            }
        }
    }
}
