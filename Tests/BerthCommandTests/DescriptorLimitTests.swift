import BerthServer
import BerthSystem
import TestSupport
import Testing

/// The clients are a program of their own, so that their descriptors do not count with those of other tests.
@Suite("berth serve with 64 descriptors and 500 clients")
struct DescriptorLimitTests {
    /// 80 % of 64, less 32.
    private static let room = 16

    private static let connect = """
        import select, socket, sys, time
        port, room = int(sys.argv[1]), int(sys.argv[2])
        def connect():
            try: return socket.create_connection(('127.0.0.1', port), timeout=60)
            except ConnectionResetError: return None  # it was faster than we were
        clients = [connect() for _ in range(500)]
        reset = clients.count(None)
        waiting = set(clients) - {None}
        def arrivals(most=1):
            ready = select.select(list(waiting), [], [], 60)[0] or sys.exit('nothing within 60 s')
            for s in ready[:most]: waiting.discard(s)
            return ready[:most]
        def word(s):
            try: return s.recv(100) if s else b'reset'
            except ConnectionResetError: return b'reset'
        def pause():
            print('full', flush=True); sys.stdin.readline()

        """

    /// Serves with few descriptors and runs `clients`; `body` is called when they say that the service is full.
    private func session(
        _ arguments: [String], clients: String, whenFull body: (Program) throws -> Void
    ) throws -> (clients: String, service: String) {
        let command = "ulimit -n 64; exec \"$0\" serve 127.0.0.1:0 \"$@\""
        let service = try Program("sh", ["-c", command, try Program.buildDirectory() + "/berth"] + arguments)
        let address = try #require(service.listeningAddress())
        let port = String(address.split(separator: ":").last ?? "")
        let peers = try Program.python(Self.connect + clients, port, "\(Self.room)")
        try #require(peers.line(containing: "full", on: .standard) != nil)
        try body(service)
        peers.write("go on\n")
        let (end, standard, error) = try peers.end()
        #expect(end == .exited(code: 0), "\(error)")
        service.signal(.terminate)
        let result = try service.end()
        #expect(result.end == .exited(code: 0), "\(result.error)")
        return (standard, result.error)
    }

    /// Expects that the service does next to nothing for a second.
    private func expectQuiet(_ service: Program) throws {
        let before = try processorTime(of: service.pid)
        var nothing: [PollEntry] = []
        _ = try Kernel.poll(&nothing, until: .after(.seconds(1)))
        let used = try processorTime(of: service.pid) - before
        #expect(used < 30, "\(used) hundredths of a second")
    }

    /// In clock ticks: user and system time (`man 5 proc_pid_stat`, fields 14 and 15).
    private func processorTime(of pid: Int32) throws -> Int {
        let text = String(decoding: try Kernel.contents(of: "/proc/\(pid)/stat"), as: UTF8.self)
        let fields = text.split(separator: ")").last?.split(separator: " ") ?? []
        return fields[11...12].compactMap { Int($0) }.reduce(0, +)
    }

    @Test("lets those wait whom it cannot serve, sleeps, and serves them as others leave", arguments: TestModels.all)
    func waiting(model: ConcurrencyModel) async throws {
        try await onOwnThread {
            let (clients, service) = try session(
                model.arguments,
                clients: """
                    inside = []
                    while len(inside) < room: inside += arrivals()
                    assert all(word(s) == b'Welcome!\\n' for s in inside)
                    pause()
                    print('others', len(select.select(list(waiting), [], [], 0)[0]))
                    while waiting or inside:
                        inside.pop(0).close()
                        if waiting:
                            inside += arrivals()
                            assert word(inside[-1]) == b'Welcome!\\n'
                    print('served all')
                    """, whenFull: expectQuiet)
            #expect(clients == "full\nothers 0\nserved all\n")
            #expect(service.contains("served 500 connections: 500 peer finished; "), "\(service)")
        }
    }

    @Test("or resets them, when that is asked for, and serves again as soon as others leave", arguments: TestModels.all)
    func refusing(model: ConcurrencyModel) async throws {
        try await onOwnThread {
            let (clients, service) = try session(
                model.arguments + ["--refuse"],
                clients: """
                    inside = []
                    while waiting:
                        s = arrivals()[0]
                        if word(s) == b'reset': reset += 1
                        else: inside.append(s)
                    pause()
                    print('served', len(inside), 'reset', reset)
                    for s in inside: s.close()
                    deadline = time.monotonic() + 60
                    while word(connect()) == b'reset': assert time.monotonic() < deadline
                    print('served again')
                    """, whenFull: expectQuiet)
            #expect(clients == "full\nserved 16 reset 484\nserved again\n")
            #expect(service.contains("there are 16 connections, the maximum"), "\(service)")
        }
    }

    @Test(
        "neither spins nor dies when it may take more than it has descriptors for, and serves when it has some again",
        arguments: TestModels.all)
    func exhausted(model: ConcurrencyModel) async throws {
        try await onOwnThread {
            var arguments = model.arguments + ["--max-connections", "1000"]
            if case .threadPool = model { arguments += ["--threads", "100"] }
            let (clients, _) = try session(
                arguments,
                clients: """
                    pause()
                    for s in waiting: s.close()
                    deadline = time.monotonic() + 60
                    while True:
                        s = connect()
                        if word(s) == b'Welcome!\\n': break
                        assert time.monotonic() < deadline
                    print('served again')
                    """
            ) { service in
                // The pause has doubled up to its longest by then.
                #expect(service.line(containing: "trying again in 1 s") != nil)
                // A client is told, and the descriptor kept for that is there again.
                #expect(service.line(containing: "no descriptor is left: ") != nil)
                try expectQuiet(service)
            }
            #expect(clients == "full\nserved again\n")
        }
    }
}
