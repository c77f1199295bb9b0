import BerthSystem
import TestSupport
import Testing

@Suite("berth why, check, free, watch and explain")
struct InspectCommandTests {
    static let isolated = PrivateNetwork.isAvailable

    /// A Python listener on a port of its own, in the network of the calling thread.
    static func listener(_ more: String = "") throws -> (program: Program, port: String) {
        let program = try Program.python(
            """
            import socket, sys
            s = socket.socket(); s.setsockopt(1, 2, 1); s.bind(('127.0.0.1', 0)); s.listen(7)
            \(more)
            print(f'1={s.getsockname()[1]}', flush=True); sys.stdin.read()
            """)
        let port = try #require(program.line(containing: "1=", on: .standard)).dropFirst(2)
        return (program, String(port))
    }

    @Test("why ends with 1 where the port is held, and with 0 where it is free", .enabled(if: isolated))
    func whyExitCodes() async throws {
        try await inPrivateNetwork {
            let (server, port) = try Self.listener()
            let held = try berth("why", port)
            #expect(held.end == .exited(code: 1))
            #expect(
                held.standard.hasPrefix("0.0.0.0:\(port) is in use: python3 (pid \(server.pid), user root) listens on"))
            _ = try server.end()
            let free = try berth("why", ":\(port)")
            #expect(free.end == .exited(code: 0))
            #expect(free.standard.hasPrefix("0.0.0.0:\(port) is free (TCP): nothing holds port \(port) here\n"))
        }
    }

    @Test("why --try really binds, and says what happened", .enabled(if: isolated))
    func whyTry() async throws {
        try await inPrivateNetwork {
            let (server, port) = try Self.listener()
            let result = try berth("why", "127.0.0.1:\(port)", "--try")
            #expect(
                result.standard.contains(
                    "\n  127.0.0.1:\(port)  after-time-wait  the address is already in use (EADDRINUSE)\n"))
            _ = try server.end()
            #expect(try berth("why", "127.0.0.1:\(port)", "--try").standard.contains("  after-time-wait  worked\n"))
        }
    }

    @Test("why of a user without rights says what it cannot see, once", .enabled(if: isolated))
    func whyUnprivileged() async throws {
        try await inPrivateNetwork {
            let (server, port) = try Self.listener()
            // The test's own folder may be closed to others: the program runs as root, without the right to look into
            // processes.
            let result = try run(
                "setpriv",
                [
                    "--reuid=65534", "--clear-groups", "--bounding-set=-all", "--inh-caps=-all",
                    try Program.buildDirectory() + "/berth", "why", port,
                ])
            if result.end == .exited(code: 1) {
                #expect(result.standard.contains("a process of user root listens on 127.0.0.1:\(port)"))
                #expect(result.standard.ranges(of: "not seen: which process it is").count == 1)
                #expect(result.standard.contains("as root: sudo berth why \(port)"))
            } else {
                #expect(result.error.contains("ermission denied") || result.error.contains("shared libraries"))
            }
            _ = try server.end()
        }
    }

    @Test("why of a process, of a Unix path, and of what is neither")
    func whyOthers() async throws {
        try await onOwnThread {
            #expect(try berth("why", "99999999").error == "berth: there is no process 99999999\n")
            #expect(try berth("why", "99999999").end == .exited(code: 3))
            let none = try berth("why", "/tmp/berth-no-such.sock")
            #expect(none.standard == "/tmp/berth-no-such.sock is free: no socket has that name, and no file is there\n")
            let wrong = try berth("why", "nonsense")
            #expect(wrong.end == .exited(code: 2))
            #expect(
                wrong.error.hasPrefix(
                    "Error: \"nonsense\" is no port (8080, :8080), address ([::1]:8080), process (pid:4112) or Unix path.\n"
                ))
            #expect(
                try berth("why", "80", "--netns", "berth-no-such").error
                    == "berth: there is no network berth-no-such: ip netns list shows them\n")
        }
    }

    @Test("the matrix agrees with the kernel, the article's rows first", .enabled(if: isolated))
    func matrix() async throws {
        try await onOwnThread {
            let result = try berth("why", "--matrix")
            #expect(result.end == .exited(code: 0))
            let lines = result.standard.split(separator: "\n").map { $0.split(separator: " ").joined(separator: " ") }
            #expect(
                Array(lines[2...8]) == [
                    "A B neither RA on B only RA both, A bound A listening A's TIME_WAIT RP both RP, other user",
                    "127.0.0.1 127.0.0.1 in use in use OK in use OK OK in use",
                    "127.0.0.1 127.0.0.2 OK OK OK OK OK OK OK", "127.0.0.2 127.0.0.1 OK OK OK OK OK OK OK",
                    "0.0.0.0 127.0.0.1 in use in use OK in use OK OK in use",
                    "127.0.0.1 0.0.0.0 in use in use OK in use OK OK in use",
                    "0.0.0.0 0.0.0.0 in use in use OK in use OK OK in use",
                ])
            #expect(result.standard.contains("9216 cases run on this kernel"))
            #expect(result.standard.hasSuffix("0 disagreements\n"))
        }
    }

    @Test("check of a healthy network finds nothing and says how much it looked at", .enabled(if: isolated))
    func checkHealthy() async throws {
        try await inPrivateNetwork {
            let (server, port) = try Self.listener()
            let result = try berth("check", "--for", "100ms")
            #expect(result.end == .exited(code: 0))
            // One rule needs most of a second, which these looks may or may not be apart.
            #expect(
                result.standard.prefixMatch(
                    of: #/no fault found; checked (20|21) rules on 1 socket and 1 process; (2|1) skipped\n/#) != nil)
            #expect(try berth("check", port, "--for", "0s").end == .exited(code: 0))
            _ = try server.end()
        }
    }

    @Test("check --save and --from decide the same; a file that is none is refused", .enabled(if: isolated))
    func saveAndLoad() async throws {
        let path = "/tmp/berth-check-\(Kernel.processID)-\(UInt32.random(in: 0 ... .max)).json"
        defer { try? Kernel.unlink(path) }
        try await inPrivateNetwork {
            let (server, port) = try Self.listener(
                "k = [socket.create_connection(s.getsockname()) for i in range(8)]")
            let looked = try berth("check", port, "--for", "1s", "--save", path)
            _ = try server.end()
            #expect(looked.end == .exited(code: 1))
            #expect(
                looked.standard.contains("error[B006]: 127.0.0.1:\(port) of python3 (pid \(server.pid), user root)"))
            #expect(looked.standard.contains("error[B010]: 8 connections wait at 127.0.0.1:\(port)"))
            let loaded = try berth("check", port, "--from", path)
            #expect(loaded.standard == looked.standard)
            #expect(try berth("check", "--from", path, "--json").standard.hasPrefix("{\"version\":1,\"checked\":"))
        }
        try await onOwnThread {
            let other = try berth("check", "--from", "/etc/passwd")
            #expect(other.end == .exited(code: 3))
            #expect(
                other.error
                    == "berth: /etc/passwd cannot be used: it is not a whole snapshot: byte 0: expected an object\n")
            let missing = try berth("check", "--from", "/tmp/berth-no-such")
            #expect(
                missing.error == "berth: cannot read /tmp/berth-no-such: there is no such file or directory (ENOENT)\n")
            #expect(try berth("check", "--for", "soon").end == .exited(code: 2))
        }
    }

    @Test("free says what it would do, and does it only with --yes", .enabled(if: isolated))
    func freeing() async throws {
        try await inPrivateNetwork {
            let (server, port) = try Self.listener()
            let plan = try berth("free", port, "--signal", "TERM")
            #expect(
                plan.standard == """
                    would send SIGTERM to python3 (pid \(server.pid), user root)
                    nothing was done: --yes does it

                    """)
            #expect(try berth("why", port).end == .exited(code: 1))
            let done = try berth("free", port, "--signal", "TERM", "--yes")
            #expect(done.standard == "sent SIGTERM to python3 (pid \(server.pid), user root)\n")
            #expect(try server.waitForEnd() == .signalled(15))
            #expect(
                try berth("free", port, "--signal", "TERM").standard
                    == "nothing to do: 0.0.0.0:\(port) is free (TCP): nothing holds port \(port) here\n")
        }
        try await onOwnThread {
            let how = try berth("free", "80")
            #expect(how.end == .exited(code: 2))
            #expect(
                how.error.hasPrefix(
                    "Error: say how: --signal TERM ends processes, --destroy-leftovers ends what they left.\n"))
        }
    }

    @Test("free --destroy-leftovers frees a port that TIME_WAIT holds", .enabled(if: isolated))
    func destroying() async throws {
        try await inPrivateNetwork {
            let (server, port) = try Self.listener(
                "k = socket.create_connection(s.getsockname()); a = s.accept()[0]; a.close(); k.recv(1); k.close()")
            _ = try server.end()
            let plan = try berth("free", port, "--destroy-leftovers")
            #expect(plan.standard.hasPrefix("would destroy TIME_WAIT 127.0.0.1:\(port) with 127.0.0.1:"))
            let done = try berth("free", port, "--destroy-leftovers", "--yes")
            #expect(done.standard.hasPrefix("destroyed TIME_WAIT 127.0.0.1:\(port) with 127.0.0.1:"), "\(done.error)")
            #expect(try berth("why", port).standard.hasPrefix("0.0.0.0:\(port) is free (TCP): nothing holds"))
        }
    }

    @Test("watch is a plain table where there is no terminal", .enabled(if: isolated))
    func watching() async throws {
        try await inPrivateNetwork {
            let (server, port) = try Self.listener()
            let result = try berth("watch", "--once", "--interval", "200ms")
            _ = try server.end()
            #expect(result.end == .exited(code: 0))
            let lines = result.standard.split(separator: "\n").map { $0.split(separator: " ").joined(separator: " ") }
            #expect(
                lines == [
                    "connections: none",
                    "each second: accepted 0, opened 0, resets sent 0, connections reset 0, retransmits 0, "
                        + "queue overflows 0",
                    "listener queue limit drops drops/s new/s estab close-w oldest held by",
                    "127.0.0.1:\(port) 0 7 0 0 0 0 0 - python3 (\(server.pid))",
                ])
        }
    }

    @Test("explain lists its pages, finds them by any spelling, and names what is near")
    func explaining() async throws {
        try await onOwnThread {
            #expect(try berth("explain").standard.split(separator: "\n").count == 42)
            let page = try berth("explain", "B003").standard
            #expect(
                page.hasPrefix("B003: nobody listens, but connections of an earlier server hold the port\n\nSeen by:"))
            for spelling in ["b3", "b003", "leftovers"] { #expect(try berth("explain", spelling).standard == page) }
            for word in ["TIME_WAIT", "time wait", "timewait", "backlog", "linger", "reuse", "herd", "SO_REUSEPORT"] {
                #expect(try berth("explain", word).end == .exited(code: 0))
            }
            let wrong = try berth("explain", "wait")
            #expect(wrong.end == .exited(code: 2))
            #expect(wrong.error.hasPrefix("Error: there is no page on \"wait\"; near it: B010, B011"))
        }
    }
}
