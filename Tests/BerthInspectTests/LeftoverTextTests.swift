import BerthInspect
import BerthSockets
import Testing

@Suite("What is said of connections that hold the port")
struct LeftoverTextTests {
    @Test("leftovers under exclusive: the states, since when, how long, and why")
    func exclusive() {
        let finding = Fixture.finding(
            Fixture.ipv4("127.0.0.1"), .exclusive,
            holders: .known([
                Fixture.remnant(.timeWait, left: .milliseconds(38_500)),
                Fixture.remnant(.timeWait, left: .milliseconds(10_000)),
                Fixture.remnant(.finWait2, left: .milliseconds(52_000)),
                Fixture.connection(.closeWait, lastAck: 41_000),
            ]))
        #expect(
            finding.description == """
                error[B003]: nobody listens on 127.0.0.1:8080, but 1 FIN_WAIT2 socket, 2 TIME_WAIT sockets and 1 \
                CLOSE_WAIT socket block it because SO_REUSEADDR is off
                evidence: 1 FIN_WAIT2 socket since 8 s (52 s left); 127.0.0.1:8080 with 192.0.2.7:51000 (sock_diag)
                evidence: 2 TIME_WAIT sockets, the oldest since 50 s (the last one 39 s left); one of them is \
                127.0.0.1:8080 with 192.0.2.7:51000 (sock_diag)
                evidence: 1 CLOSE_WAIT socket since 41 s, until python3 (pid 4112, user deploy) closes it; \
                127.0.0.1:8080 with 192.0.2.7:51000 (sock_diag)
                evidence: SO_REUSEADDR is off here (reuse policy exclusive) (the bind that failed)
                evidence: on one of them: SO_REUSEADDR on, SO_REUSEPORT off (getsockopt on its descriptor)
                means: the port is free once the process that holds the connections closes them, which may be never.
                fix: 1. set SO_REUSEADDR before bind (Berth: reuse policy after-time-wait, the default); it helps \
                because the earlier server had it, too
                     2. end it: kill 4112
                     3. or end the connections now, as root: ss -K 'sport = :8080'
                verify: ss -Htanp 'sport = :8080' (prints nothing once the port is free)
                confidence: certain
                """)
        #expect(
            finding.summary == "nobody listens there, but connections of an earlier server hold the port, and "
                + "SO_REUSEADDR is off: 1 FIN_WAIT2 since 8 s (52 s left), 2 TIME_WAIT, the oldest since 50 s (the "
                + "last one 39 s left) and 1 CLOSE_WAIT since 41 s, until python3 (pid 4112, user deploy) closes it")
    }

    @Test("leftovers although SO_REUSEADDR is on: the server that they are from lacked it")
    func oldServerLackedIt() {
        let finding = Fixture.finding(
            Fixture.ipv4("127.0.0.1"), holders: .known([Fixture.remnant(.timeWait, left: .seconds(39))]))
        #expect(
            finding.description == """
                error[B003]: nobody listens on 127.0.0.1:8080, but 1 TIME_WAIT socket blocks it because the server \
                that it is from had SO_REUSEADDR off
                evidence: 1 TIME_WAIT socket since 21 s (39 s left); 127.0.0.1:8080 with 192.0.2.7:51000 (sock_diag)
                evidence: SO_REUSEADDR is on here (reuse policy after-time-wait) (the bind that failed)
                means: the port is free by itself in 39 s.
                fix: 1. wait; the next restart works at once, because this server sets SO_REUSEADDR
                     2. or end the connections now, as root: ss -K 'sport = :8080'
                verify: ss -Htanp 'sport = :8080' (prints nothing once the port is free)
                confidence: likely; wrong if something else had the port at that moment and has ended since
                """)
        #expect(
            finding.summary == "nobody listens there, but connections of an earlier server hold the port, and it had "
                + "SO_REUSEADDR off: 1 TIME_WAIT since 21 s (39 s left)")
    }

    @Test("what a silent peer leaves ends after the kernel's retries; what a slow one leaves may stay")
    func orphans() {
        func orphan(_ state: TCPState, queue: Int) -> PortHolder {
            PortHolder(
                SocketRecord(
                    local: Fixture.ipv4("127.0.0.1"), remote: Fixture.peer, state: state, timer: .retransmission,
                    timerLeft: .seconds(2), sendQueue: queue),
                owners: .unknown(.heldByKernel), options: .unknown(.heldByKernel))
        }
        let silent = Fixture.finding(
            Fixture.ipv4("127.0.0.1"), .exclusive, holders: .known([orphan(.finWait1, queue: 1)]))
        #expect(
            silent.meaning == "the kernel ends them by itself, in 107 s at the latest when the peers stay silent.")
        let slow = Fixture.finding(
            Fixture.ipv4("127.0.0.1"), .exclusive, holders: .known([orphan(.lastAck, queue: 90_000)]))
        #expect(slow.evidence[0].text.hasPrefix("1 LAST_ACK socket, until the peer takes what is still to be sent; "))
        #expect(
            slow.meaning
                == "the port is free once the peers take what is still to be sent to them, which may be never.")
    }

    @Test("an outgoing connection that has the port is called that")
    func outgoing() {
        let database = Fixture.ipv4("10.0.0.9", 5432)
        let finding = Fixture.finding(
            Fixture.ipv4("0.0.0.0", 40_000), .afterTimeWait,
            holders: .known([
                Fixture.connection(
                    .established, at: Fixture.ipv4("10.0.0.5", 40_000), to: database, lastAck: 12_000,
                    options: .init(.exclusive))
            ]))
        #expect(
            finding.description == """
                error[B026]: nobody listens on 0.0.0.0:40000, but an outgoing connection to 10.0.0.9:5432 of python3 \
                (pid 4112, user deploy) has the port
                evidence: 10.0.0.5:40000 to 10.0.0.9:5432: ESTABLISHED quiet for 12 s (sock_diag)
                evidence: the kernel gives ports 32768 to 60999 to outgoing connections \
                (/proc/sys/net/ipv4/ip_local_port_range)
                evidence: its command: python3 -m http.server 8080 (/proc/4112/cmdline)
                evidence: SO_REUSEADDR off, SO_REUSEPORT off (getsockopt on its descriptor 7)
                means: a connection holds its local port like a server does, and SO_REUSEADDR helps only where both \
                have it.
                fix: 1. bind a port outside of 32768 to 60999
                     2. or keep the port out of it from now on: sysctl -w net.ipv4.ip_local_reserved_ports=40000
                     3. or end it: kill 4112
                verify: ss -Htanp 'sport = :40000' (prints nothing once the port is free)
                confidence: likely; wrong if the peer connected to this port rather than this side to it
                """)
        #expect(
            finding.summary == "an outgoing connection to 10.0.0.9:5432 of python3 (pid 4112, user deploy) has the "
                + "port (ESTABLISHED quiet for 12 s)")
    }

    @Test("an IPv6 leftover that may block the IPv4 wildcard is only likely to, since the kernel hides IPV6_V6ONLY")
    func hiddenIPv6Only() {
        let left = Fixture.remnant(.timeWait, left: .seconds(39), at: .ipv6(.loopback, port: 8080))
        let finding = Fixture.finding(Fixture.ipv4("0.0.0.0"), .exclusive, holders: .known([left]))
        #expect(finding.code == .leftovers)
        #expect(finding.confidence == .likely)
        let specific = Fixture.finding(Fixture.ipv4("127.0.0.1"), .exclusive, holders: .known([left]))
        #expect(specific.code == .nothingVisible)
    }
}
