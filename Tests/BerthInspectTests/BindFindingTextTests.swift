import BerthInspect
import BerthSockets
import BerthSystem
import TestSupport
import Testing

@Suite("A bind that really failed: every word, and the twin that binds", .enabled(if: PrivateNetwork.isAvailable))
struct BindFindingTextTests {
    @Test("B001: another process listens; on a port beside it the bind works")
    func listener() async throws {
        let (finding, port, pid) = try await inPrivateNetwork {
            let server = try PythonServer("s = listener('127.0.0.1'); say(s.getsockname()[1]); s.accept()")
            let port: UInt16 = try server.number()
            _ = try RawSocket(KernelFindingTests.loopback(), ReuseOptions(.afterTimeWait), listens: true)
            let finding = try KernelFindingTests.explain(KernelFindingTests.loopback(port), .afterTimeWait)
            return (finding, port, server.program.pid)
        }
        #expect(
            lines(finding, withoutCommand: true) == """
                error[B001]: 127.0.0.1:\(port) is already listened on by python3 (pid \(pid), user root, since NOW)
                evidence: accept queue 0 of 7 (sock_diag: LISTEN, inode N)
                evidence: SO_REUSEADDR on, SO_REUSEPORT off (getsockopt on its descriptor 3)
                means: a listening socket has its address for itself; SO_REUSEADDR passes over old connections only.
                fix: 1. end it: kill \(pid)
                     2. bind another port, or port 0 for one that is free
                verify: ss -Htanp 'sport = :\(port)' (prints nothing once the port is free)
                confidence: certain
                """)
    }

    @Test("a listener that no process has, being on its way to one, is told from one that somebody has")
    func inFlight() async throws {
        let taken = try await inPrivateNetwork {
            let server = try PythonServer(
                """
                import array, sys
                s = listener('127.0.0.1'); port = s.getsockname()[1]
                a, b = socket.socketpair()
                a.sendmsg([b'x'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [s.fileno()]))])
                say(port); sys.stdin.readline()
                s.close(); say(port); sys.stdin.readline()
                b.close(); say(port); sys.stdin.readline()
                """)
            return try (1...3).map { step in
                let address = KernelFindingTests.loopback(try server.number(step))
                defer { server.program.write("go\n") }
                return isListenedOnByNobody(address, reuse: .afterTimeWait)
            }
        }
        #expect(taken == [false, true, false])
    }

    @Test("B003: TIME_WAIT alone holds the port; with SO_REUSEADDR the bind works")
    func leftovers() async throws {
        let (finding, port, peer) = try await inPrivateNetwork {
            let listener = try RawSocket(KernelFindingTests.loopback(), ReuseOptions(.afterTimeWait), listens: true)
            let port = try listener.port()
            _ = try leave(.timeWait, of: listener, at: KernelFindingTests.loopback(port))
            _ = consume listener
            try waitUntilNobodyListens(on: port)
            let record = try awaitedRecord(port: port, state: .timeWait)
            let finding = try KernelFindingTests.explain(KernelFindingTests.loopback(port), .exclusive)
            _ = try RawSocket(KernelFindingTests.loopback(port), ReuseOptions(.afterTimeWait), listens: true)
            return (finding, port, record.remote?.port ?? 0)
        }
        #expect(
            lines(finding) == """
                error[B003]: nobody listens on 127.0.0.1:\(port), but 1 TIME_WAIT socket blocks it because \
                SO_REUSEADDR is off
                evidence: 1 TIME_WAIT socket since N s (N s left); 127.0.0.1:\(port) with 127.0.0.1:\(peer) (sock_diag)
                evidence: SO_REUSEADDR is off here (reuse policy exclusive) (the bind that failed)
                means: the port is free by itself in N s.
                fix: 1. set SO_REUSEADDR before bind (Berth: reuse policy after-time-wait, the default); it helps if \
                the earlier server had it, too
                     2. or end the connections now, as root: ss -K 'sport = :\(port)'
                verify: ss -Htanp 'sport = :\(port)' (prints nothing once the port is free)
                confidence: certain
                """)
    }

    @Test("B004: a dual-stack listener covers IPv4; one of IPv6 alone leaves it free")
    func dualStack() async throws {
        let (finding, port, pid) = try await inPrivateNetwork {
            let server = try PythonServer(
                """
                s = listener('::', socket.AF_INET6, v6only=0); say(s.getsockname()[1])
                t = listener('::', socket.AF_INET6, v6only=1); say(t.getsockname()[1]); time.sleep(60)
                """)
            let port: UInt16 = try server.number()
            let alone: UInt16 = try server.number(2)
            _ = try RawSocket(.ipv4(.any, port: alone), ReuseOptions(.afterTimeWait), listens: true)
            let finding = try KernelFindingTests.explain(.ipv4(.any, port: port), .afterTimeWait)
            return (finding, port, server.program.pid)
        }
        #expect(
            lines(finding, withoutCommand: true) == """
                error[B004]: [::]:\(port) (dual-stack) already covers 0.0.0.0:\(port): it is held by python3 (pid \
                \(pid), user root, since NOW)
                evidence: it listens on [::]:\(port), which covers 0.0.0.0:\(port); accept queue 0 of 7 (sock_diag: \
                LISTEN, inode N)
                evidence: SO_REUSEADDR on, SO_REUSEPORT off (getsockopt on its descriptor 3)
                means: an IPv6 wildcard socket without IPV6_V6ONLY takes every IPv4 address of its port as well.
                fix: 1. open that [::]:\(port) with IPV6_V6ONLY, so that it leaves IPv4 alone
                     2. end it: kill \(pid)
                     3. or use the one dual-stack socket for both families
                verify: ss -Htanp 'sport = :\(port)' (prints nothing once the port is free)
                confidence: certain
                """)
    }

    @Test("B022: an address of another machine; its own address binds")
    func foreignAddress() async throws {
        let finding = try await inPrivateNetwork {
            _ = try RawSocket(KernelFindingTests.loopback(), ReuseOptions(.afterTimeWait), listens: true)
            return try KernelFindingTests.explain(.ipv4(IPv4Address(192, 0, 2, 1), port: 4000), .afterTimeWait)
        }
        #expect(
            lines(finding) == """
                error[B022]: 192.0.2.1:4000 cannot be bound: 192.0.2.1 is not an address of this machine
                evidence: bind: the address is not one of this machine's, or no local port is left (EADDRNOTAVAIL) \
                (the bind that failed)
                evidence: addresses: 127.0.0.1 (getifaddrs)
                means: a socket can only be bound to an address of an interface in its own network namespace.
                fix: bind one of the addresses above, or every one of them: 0.0.0.0:4000
                verify: ip -brief address
                confidence: certain
                """)
    }

    @Test("B022: a port below ip_unprivileged_port_start, without the capability; above it the bind works")
    func privilegedPort() async throws {
        let finding = try await inPrivateNetwork {
            let program = try PythonServer(
                """
                os.setresuid(65534, 65534, 65534)
                def attempt(port):
                    with socket.socket() as s:
                        try: s.bind(('127.0.0.1', port))
                        except OSError as error: return error.errno
                        return 0
                say(attempt(1024)); say(attempt(80))
                """)
            let above: Int32 = try program.number()
            #expect(above == 0)
            let errno = Errno(rawValue: try program.number(2))
            let finding = explainBindFailure(of: KernelFindingTests.loopback(80), reuse: .afterTimeWait, errno: errno)
            return finding
        }
        #expect(
            lines(finding) == """
                error[B022]: 127.0.0.1:80 cannot be bound by user root: ports below 1024 need CAP_NET_BIND_SERVICE
                evidence: bind: permission is denied (EACCES) (the bind that failed)
                evidence: 1024 (/proc/sys/net/ipv4/ip_unprivileged_port_start)
                means: the kernel keeps low ports for those with the right to them.
                fix: 1. give the program the right: setcap cap_net_bind_service=+ep PROGRAM, or \
                AmbientCapabilities=CAP_NET_BIND_SERVICE in its systemd unit
                     2. or let everyone bind it: sysctl -w net.ipv4.ip_unprivileged_port_start=80
                     3. or bind a port from 1024 on
                verify: grep CapEff /proc/PID/status (bit 10 is CAP_NET_BIND_SERVICE)
                confidence: possible; wrong if the right is given, as CapEff says: it does not count in another user \
                namespace
                """)
    }

    /// A finding without what the machine chooses; on request without the line of its command, which is long.
    private func lines(_ finding: Finding, withoutCommand: Bool = false) -> String {
        steady(finding.description).split(separator: "\n", omittingEmptySubsequences: false)
            .filter { !withoutCommand || !$0.hasPrefix("evidence: its command:") }.joined(separator: "\n")
    }
}
