import BerthInspect
import BerthSockets
import Testing

@Suite("What is said of a live socket that holds the port")
struct HolderTextTests {
    @Test("another server: who, since when, how it covers the address, how to stop it")
    func anotherServer() {
        let finding = Fixture.finding(
            Fixture.ipv4("127.0.0.1"),
            holders: .known([
                Fixture.listener(
                    Fixture.ipv4("0.0.0.0"), Fixture.owned(Fixture.python(unit: .systemd("web.service"))))
            ]))
        #expect(
            finding.description == """
                error[B001]: 127.0.0.1:8080 is already listened on by python3 (pid 4112, user deploy, unit web.service, \
                since 09:12:31, 2 min ago)
                evidence: it listens on 0.0.0.0:8080, which covers 127.0.0.1:8080; accept queue 2 of 128 \
                (sock_diag: LISTEN, inode 4711)
                evidence: its command: python3 -m http.server 8080 (/proc/4112/cmdline)
                evidence: SO_REUSEADDR on, SO_REUSEPORT off (getsockopt on its descriptor 3)
                means: a listening socket has its address for itself; SO_REUSEADDR passes over old connections only.
                fix: 1. stop it: systemctl stop web.service
                     2. bind another port, or port 0 for one that is free
                verify: ss -Htanp 'sport = :8080' (prints nothing once the port is free)
                confidence: certain
                """)
        #expect(
            finding.summary == "python3 (pid 4112, user deploy, unit web.service) listens on 0.0.0.0:8080 since "
                + "09:12:31 (2 min ago), which covers 127.0.0.1:8080")
    }

    @Test("a server of another user that may not be looked at: what is known, and why no more")
    func unknownOwner() {
        let finding = Fixture.finding(
            Fixture.ipv4("127.0.0.1"),
            holders: .known([
                Fixture.listener(
                    Fixture.ipv4("127.0.0.1"), .unknown(.notPermitted), user: 1001, options: .unknown(.notPermitted))
            ])
        ) { $0.unreadableProcesses = 143 }
        #expect(
            finding.description == """
                error[B001]: 127.0.0.1:8080 is already listened on by a process of user alice
                evidence: accept queue 2 of 128 (sock_diag: LISTEN, inode 4711)
                not seen: which process it is: the descriptors of 143 processes of other users can be read by root only
                means: a listening socket has its address for itself; SO_REUSEADDR passes over old connections only.
                fix: 1. see who it is as root: sudo ss -Htanp 'sport = :8080'
                     2. bind another port, or port 0 for one that is free
                verify: ss -Htanp 'sport = :8080' (prints nothing once the port is free)
                confidence: certain
                """)
        #expect(finding.summary == "a process of user alice listens on 127.0.0.1:8080")
    }

    @Test("a process in another PID namespace is said to be that, or gone")
    func invisibleOwner() {
        let finding = Fixture.finding(
            Fixture.ipv4("127.0.0.1"),
            holders: .known([
                Fixture.listener(
                    Fixture.ipv4("127.0.0.1"), .unknown(.notVisible), user: 0, options: .unknown(.notVisible))
            ]))
        #expect(finding.gaps == ["which process it is: its process is in another PID namespace or has just ended"])
        #expect(finding.summary == "a process of user root listens on 127.0.0.1:8080")
    }

    @Test("a child that inherited the listener of a server that is gone")
    func inherited() {
        let finding = Fixture.finding(
            Fixture.ipv4("127.0.0.1"),
            holders: .known([Fixture.listener(Fixture.ipv4("127.0.0.1"), Fixture.owned(Fixture.sleep(), 6))]))
        #expect(
            finding.description == """
                error[B002]: 127.0.0.1:8080 is held by sleep (pid 8428, user deploy, since 09:12:31, 2 min ago): \
                descriptor 6, inherited from a server that is gone
                evidence: it listens on 127.0.0.1:8080 (sock_diag: LISTEN, inode 4711)
                evidence: its command: sleep 600 (/proc/8428/cmdline)
                evidence: SO_REUSEADDR on, SO_REUSEPORT off (getsockopt on its descriptor 6)
                evidence: the process that started it is gone: its parent is now pid 1 (/proc/8428/stat)
                evidence: it does not wait for connections, but in hrtimer_nanosleep (/proc/8428/task/*/wchan)
                means: a listening socket lives until the last process that holds it closes it; clients still \
                connect, and nobody serves them.
                fix: 1. end it: kill 8428
                     2. in the server, open sockets close-on-exec (SOCK_CLOEXEC; Berth does) so that no child inherits \
                them
                verify: ss -Htanp 'sport = :8080' (prints nothing once the port is free)
                confidence: likely; wrong if sleep took the socket over on purpose and serves it
                """)
        #expect(
            finding.summary == "sleep (pid 8428, user deploy) holds 127.0.0.1:8080 by descriptor 6, inherited from a "
                + "server that is gone, since 09:12:31 (2 min ago)")
    }

    @Test("a daemon that detached itself and serves is a server, not an heir")
    func daemon() {
        var daemon = Fixture.python()
        daemon.isOrphan = true
        let finding = Fixture.finding(
            Fixture.ipv4("127.0.0.1"),
            holders: .known([Fixture.listener(Fixture.ipv4("127.0.0.1"), Fixture.owned(daemon))]))
        #expect(finding.code == .portInUse)
    }

    @Test("a server with workers is named by the process that started them")
    func preforked() {
        var worker = Fixture.python()
        worker.pid = 4113
        worker.parent = 4112
        let owners = [Fixture.python(), worker].map { SocketOwner(process: $0, descriptor: 3) }
        let finding = Fixture.finding(
            Fixture.ipv4("127.0.0.1"),
            holders: .known([Fixture.listener(Fixture.ipv4("127.0.0.1"), .known(owners))]))
        #expect(
            finding.summary == "python3 (pid 4112, user deploy) listens on 127.0.0.1:8080 since 09:12:31 (2 min ago)")
        #expect(finding.evidence.contains(.init("2 processes hold it, also pid 4113", source: "/proc/*/fd")))
    }

    @Test("a dual-stack listener covers IPv4")
    func dualStack() {
        let finding = Fixture.finding(
            Fixture.ipv4("0.0.0.0"),
            holders: .known([
                Fixture.listener(Fixture.anyIPv6, Fixture.owned(Fixture.python()), isIPv6Only: false)
            ]))
        #expect(
            finding.description == """
                error[B004]: [::]:8080 (dual-stack) already covers 0.0.0.0:8080: it is held by python3 (pid 4112, \
                user deploy, since 09:12:31, 2 min ago)
                evidence: it listens on [::]:8080, which covers 0.0.0.0:8080; accept queue 2 of 128 \
                (sock_diag: LISTEN, inode 4711)
                evidence: its command: python3 -m http.server 8080 (/proc/4112/cmdline)
                evidence: SO_REUSEADDR on, SO_REUSEPORT off (getsockopt on its descriptor 3)
                means: an IPv6 wildcard socket without IPV6_V6ONLY takes every IPv4 address of its port as well.
                fix: 1. open that [::]:8080 with IPV6_V6ONLY, so that it leaves IPv4 alone
                     2. end it: kill 4112
                     3. or use the one dual-stack socket for both families
                verify: ss -Htanp 'sport = :8080' (prints nothing once the port is free)
                confidence: certain
                """)
    }

    @Test("a dual-stack bind also claims what an IPv4 listener has")
    func dualStackOverIPv4() {
        let finding = Fixture.finding(
            Fixture.anyIPv6,
            holders: .known([Fixture.listener(Fixture.ipv4("127.0.0.1"), Fixture.owned(Fixture.python()))]))
        #expect(
            finding.headline == "[::]:8080 (dual-stack) also claims IPv4, where 127.0.0.1:8080 is held by python3 "
                + "(pid 4112, user deploy, since 09:12:31, 2 min ago)")
        #expect(finding.fixes.first == "leave IPv4 to the other: bind [::]:8080 with IPV6_V6ONLY")
        #expect(
            finding.summary == "python3 (pid 4112, user deploy) listens on 127.0.0.1:8080 since 09:12:31 (2 min ago), "
                + "which [::]:8080 covers")
    }

    @Test("a SO_REUSEPORT group of another user does not let anyone in")
    func otherUsersGroup() {
        let listener = Fixture.listener(
            Fixture.ipv4("127.0.0.1"), Fixture.owned(Fixture.python()), options: .known(.init(.shared)))
        let finding = Fixture.finding(Fixture.ipv4("127.0.0.1"), .shared, user: 1001, holders: .known([listener]))
        #expect(finding.code == .portInUse)
        #expect(
            finding.meaning == "SO_REUSEPORT shares an address among sockets of one user only; that one is of user "
                + "deploy, this one of user alice.")
    }

    @Test("a socket that is bound and does not listen holds the port, too")
    func boundOnly() {
        var holder = Fixture.listener(Fixture.ipv4("127.0.0.1"), Fixture.owned(Fixture.python()))
        holder.socket.state = .closed
        let finding = Fixture.finding(Fixture.ipv4("0.0.0.0"), .exclusive, holders: .known([holder]))
        #expect(
            finding.description == """
                error[B001]: 0.0.0.0:8080 is bound by python3 (pid 4112, user deploy, since 09:12:31, 2 min ago), \
                which does not listen on it
                evidence: it is bound to 127.0.0.1:8080, which 0.0.0.0:8080 covers (sock_diag: bound, inode 4711)
                evidence: its command: python3 -m http.server 8080 (/proc/4112/cmdline)
                evidence: SO_REUSEADDR on, SO_REUSEPORT off (getsockopt on its descriptor 3)
                means: binding takes the address, also before listen and without any connection.
                fix: 1. end it: kill 4112
                     2. bind another port, or port 0 for one that is free
                verify: python3 -c "import socket; socket.socket(socket.AF_INET).bind(('0.0.0.0', 8080))" (prints \
                nothing once the port is free)
                confidence: certain
                """)
    }

    @Test("this process's own listener is called that")
    func ownListener() {
        let finding = Fixture.finding(
            Fixture.ipv4("127.0.0.1"),
            holders: .known([Fixture.listener(Fixture.ipv4("127.0.0.1"), Fixture.owned(Fixture.python()))])
        ) { $0.process = 4112 }
        #expect(finding.summary == "this process (pid 4112) listens on 127.0.0.1:8080")
        #expect(finding.fixes.first == "close the socket that this process has there already: descriptor 3")
    }
}
