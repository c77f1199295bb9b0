import BerthInspect
import BerthSockets
import BerthSystem
import TestSupport
import Testing

@Suite("A bind that really failed is explained", .enabled(if: PrivateNetwork.isAvailable))
struct KernelFindingTests {
    static func loopback(_ port: UInt16 = 0) -> SocketAddress { .ipv4(.loopback, port: port) }

    /// Binds, which has to fail, and explains why.
    static func explain(
        _ address: SocketAddress, _ reuse: ReusePolicy, isIPv6Only: Bool = false
    ) throws -> Finding {
        do throws(Errno) {
            _ = try RawSocket(address, ReuseOptions(reuse), isIPv6Only: isIPv6Only, listens: true)
            throw Errno(rawValue: 0)
        } catch {
            return explainBindFailure(of: address, reuse: reuse, isIPv6Only: isIPv6Only, errno: error)
        }
    }

    @Test("a listener of another process, by the wildcard that covers the address")
    func listener() async throws {
        let (finding, port, pid) = try await inPrivateNetwork {
            let server = try PythonServer("s = listener('0.0.0.0'); say(s.getsockname()[1]); s.accept()")
            let port: UInt16 = try server.number()
            return (try Self.explain(Self.loopback(port), .afterTimeWait), port, server.program.pid)
        }
        #expect(finding.code == .portInUse)
        #expect(
            steady(finding.summary) == "python3 (pid \(pid), user root) listens on 0.0.0.0:\(port) since NOW, which "
                + "covers 127.0.0.1:\(port)")
        #expect(
            finding.evidence.map { "\(steady($0.text)) (\(steady($0.source)))" }.filter { !$0.contains("command") } == [
                "it listens on 0.0.0.0:\(port), which covers 127.0.0.1:\(port); accept queue 0 of 7 "
                    + "(sock_diag: LISTEN, inode N)",
                "SO_REUSEADDR on, SO_REUSEPORT off (getsockopt on its descriptor 3)",
            ])
        #expect(finding.fixes.first == "end it: kill \(pid)")
        #expect(finding.gaps.isEmpty)
    }

    @Test("a child that inherited the listener of a server that is gone")
    func inherited() async throws {
        let (finding, port, pid) = try await inPrivateNetwork {
            let server = try PythonServer(
                """
                os.setsid()  # whoever adopts the child must be of another session, wherever the tests run
                s = listener('127.0.0.1')
                quiet = {'stdin': subprocess.DEVNULL, 'stdout': subprocess.DEVNULL, 'stderr': subprocess.DEVNULL}
                say(s.getsockname()[1])
                say(subprocess.Popen(['sleep', '60'], pass_fds=[s.fileno()], **quiet).pid)
                """)
            let port: UInt16 = try server.number()
            let child: Int32 = try server.number(2)
            _ = try server.program.end()
            defer { try? Kernel.signal(child, Signal.kill.rawValue) }
            try waitUntilItSleeps(child)
            return (try Self.explain(Self.loopback(port), .afterTimeWait), port, child)
        }
        #expect(
            steady(finding.description) == """
                error[B002]: 127.0.0.1:\(port) is held by sleep (pid \(pid), user root, since NOW): descriptor 3, \
                inherited from a server that is gone
                evidence: it listens on 127.0.0.1:\(port) (sock_diag: LISTEN, inode N)
                evidence: its command: sleep 60 (/proc/\(pid)/cmdline)
                evidence: SO_REUSEADDR on, SO_REUSEPORT off (getsockopt on its descriptor 3)
                evidence: the process that started it is gone: its parent is now pid N (/proc/\(pid)/stat)
                evidence: it does not wait for connections, but in hrtimer_nanosleep (/proc/\(pid)/task/*/wchan)
                means: a listening socket lives until the last process that holds it closes it; clients still \
                connect, and nobody serves them.
                fix: 1. end it: kill \(pid)
                     2. in the server, open sockets close-on-exec (SOCK_CLOEXEC; Berth does) so that no child \
                inherits them
                verify: ss -Htanp 'sport = :\(port)' (prints nothing once the port is free)
                confidence: likely; wrong if sleep took the socket over on purpose and serves it
                """)
    }

    @Test("leftovers under exclusive, by state", arguments: Leftover.allCases)
    func leftovers(leftover: Leftover) async throws {
        let (finding, port, peer) = try await inPrivateNetwork {
            let listener = try RawSocket(Self.loopback(), ReuseOptions(.afterTimeWait), listens: true)
            let port = try listener.port()
            let left = try leave(leftover, of: listener, at: Self.loopback(port))
            _ = consume listener
            try waitUntilNobodyListens(on: port)
            let record = try awaitedRecord(port: port, state: leftover.state)
            let finding = try Self.explain(Self.loopback(port), .exclusive)
            _ = consume left
            return (finding, port, record.remote?.port ?? 0)
        }
        let state = leftover.state
        let age =
            switch leftover {
            case .timeWait, .finWait2Orphan: "since N s (N s left)"
            case .finWait2, .closeWait: "since N s, until this process (pid \(Kernel.processID)) closes it"
            case .established: "quiet for N s, until this process (pid \(Kernel.processID)) closes it"
            case .lastAck: "quiet for N s, until the peer takes what is still to be sent"
            }
        #expect(finding.code == .leftovers)
        #expect(finding.confidence == .certain)
        #expect(
            finding.headline
                == "nobody listens on 127.0.0.1:\(port), but 1 \(state) socket blocks it because SO_REUSEADDR is off")
        #expect(
            steady(finding.evidence[0].text)
                == "1 \(state) socket \(age); 127.0.0.1:\(port) with 127.0.0.1:\(peer)")
        #expect(
            steady(finding.summary) == "nobody listens there, but connections of an earlier server hold the port, and "
                + "SO_REUSEADDR is off: 1 \(state) \(age)")
    }

    @Test("the first start of a server that got SO_REUSEADDR: the one before lacked it")
    func oldServerLackedIt() async throws {
        let finding = try await inPrivateNetwork {
            let listener = try RawSocket(Self.loopback(), listens: true)
            let port = try listener.port()
            _ = try leave(.timeWait, of: listener, at: Self.loopback(port))
            _ = consume listener
            try waitUntilNobodyListens(on: port)
            return try Self.explain(Self.loopback(port), .afterTimeWait)
        }
        #expect(
            steady(finding.summary) == "nobody listens there, but connections of an earlier server hold the port, and "
                + "it had SO_REUSEADDR off: 1 TIME_WAIT since N s (N s left)")
        #expect(finding.confidence == .likely)
    }

    @Test("since when a half-closed connection waits is counted from the peer's FIN, not from the last data")
    func ageOfCloseWait() async throws {
        let (age, elapsed) = try await inPrivateNetwork {
            let listener = try RawSocket(Self.loopback(), listens: true)
            let client = try RawSocket(connectingTo: try listener.address())
            let server = try listener.accept()
            // Time passes between the connection and its half-close; the test is about telling the two apart.
            _ = try Kernel.wait(for: .readable, on: server.descriptor.rawValue, until: .after(.milliseconds(300)))
            try client.finish()
            try server.waitForEnd()
            let finished = MonotonicTime.now
            let port = try listener.port()
            let record = try SocketTable.read(localPort: port).records.first { $0.state == .closeWait }
            return (record?.info?.lastAckReceived, MonotonicTime.now.duration(since: finished))
        }
        let known = try #require(age)
        #expect(known < .milliseconds(250) + elapsed)
    }

    @Test("a dual-stack listener covers IPv4, and a dual-stack bind what IPv4 has")
    func dualStack() async throws {
        let (over, under, port, pid) = try await inPrivateNetwork {
            let server = try PythonServer(
                """
                s = listener('::', socket.AF_INET6, v6only=0); say(s.getsockname()[1])
                t = listener('127.0.0.1'); say(t.getsockname()[1]); time.sleep(60)
                """)
            let port: UInt16 = try server.number()
            let other: UInt16 = try server.number(2)
            return (
                try Self.explain(.ipv4(.any, port: port), .afterTimeWait),
                try Self.explain(.ipv6(.any, port: other), .afterTimeWait), (port, other), server.program.pid
            )
        }
        #expect(over.code == .dualStackOverlap)
        #expect(
            steady(over.headline) == "[::]:\(port.0) (dual-stack) already covers 0.0.0.0:\(port.0): it is held by "
                + "python3 (pid \(pid), user root, since NOW)")
        #expect(
            steady(under.summary) == "python3 (pid \(pid), user root) listens on 127.0.0.1:\(port.1) since NOW, which "
                + "[::]:\(port.1) covers")
        #expect(under.code == .dualStackOverlap)
    }

    @Test("an outgoing connection that has the port")
    func outgoing() async throws {
        let (finding, port, peer) = try await inPrivateNetwork {
            let listener = try RawSocket(Self.loopback(), listens: true)
            let client = try RawSocket(connectingTo: try listener.address())
            let port = try client.port()
            let finding = try Self.explain(Self.loopback(port), .afterTimeWait)
            return (finding, port, try listener.port())
        }
        #expect(finding.code == .outgoingConnection)
        #expect(
            steady(finding.summary) == "an outgoing connection to 127.0.0.1:\(peer) of this process (pid "
                + "\(Kernel.processID)) has the port (ESTABLISHED quiet for N s)")
        #expect(finding.fixes.last == "or close that connection")
        #expect(finding.evidence[0].text.hasPrefix("127.0.0.1:\(port) to 127.0.0.1:\(peer): ESTABLISHED"))
    }

    @Test("a socket that is only bound")
    func boundOnly() async throws {
        let (finding, port) = try await inPrivateNetwork {
            let server = try PythonServer(
                "s = socket.socket(); s.bind(('127.0.0.1', 0)); say(s.getsockname()[1]); time.sleep(60)")
            let port: UInt16 = try server.number()
            return (try Self.explain(.ipv4(.any, port: port), .exclusive), port)
        }
        #expect(finding.code == .portInUse)
        #expect(
            steady(finding.summary).hasSuffix(
                "is bound to 127.0.0.1:\(port) since NOW, which 0.0.0.0:\(port) covers, and does not listen"))
    }

    @Test("a SO_REUSEPORT group of another user")
    func otherUsersGroup() async throws {
        let finding = try await inPrivateNetwork {
            let server = try PythonServer(
                """
                os.setresuid(65534, 65534, 65534)
                s = listener('127.0.0.1', share=1); say(s.getsockname()[1]); s.accept()
                """)
            return try Self.explain(Self.loopback(try server.number()), .shared)
        }
        #expect(finding.code == .portInUse)
        #expect(
            finding.meaning == "SO_REUSEPORT shares an address among sockets of one user only; that one is of user "
                + "nobody, this one of user root.")
    }

    @Test("an address of another machine, and every port in use")
    func refused() async throws {
        let (foreign, exhausted) = try await inPrivateNetwork {
            let file = try Kernel.open("/proc/sys/net/ipv4/ip_local_port_range", .write)
            let range = Array("40000 40001".utf8)
            _ = try range.withUnsafeBytes { try unsafe Kernel.write(file.rawValue, $0) }
            let first = try RawSocket(Self.loopback())
            let second = try RawSocket(Self.loopback())
            let findings = (
                try Self.explain(.ipv4(IPv4Address(192, 0, 2, 1), port: 4000), .afterTimeWait),
                try Self.explain(Self.loopback(), .exclusive)
            )
            _ = consume first
            _ = consume second
            return findings
        }
        #expect(foreign.summary == "192.0.2.1 is not an address of this machine")
        #expect(foreign.evidence.last?.text == "addresses: 127.0.0.1")
        #expect(exhausted.summary == "no local port is free in 40000 to 40001")
    }

    @Test("a Unix socket in use, and the file of one that is gone")
    func unixSocket() async throws {
        let path = "/tmp/berth-inspect-\(Kernel.processID)-\(UInt32.random(in: 0 ... .max)).sock"
        let (used, left) = try await inPrivateNetwork {
            defer { try? Kernel.unlink(path) }
            var socket: RawSocket? = try RawSocket(.unix(path: path), listens: true)
            let used = try Self.explain(.unix(path: path), .afterTimeWait)
            socket = nil
            _ = consume socket
            var left = try Self.explain(.unix(path: path), .afterTimeWait)
            // A program that another test starts holds a copy of the closed listener between its fork and its exec.
            let patience = Deadline.after(.seconds(2))
            while left.code == .portInUse, !patience.hasPassed {
                left = try Self.explain(.unix(path: path), .afterTimeWait)
            }
            return (used, left)
        }
        #expect(used.code == .portInUse)
        #expect(used.summary == "this process (pid \(Kernel.processID)) listens on it")
        #expect(left.code == .leftoverSocketFile)
        #expect(left.fixes == ["look at what it is, and remove it: ls -l \(path) && rm \(path)"])
    }
}
