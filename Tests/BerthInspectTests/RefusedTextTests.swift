import BerthInspect
import BerthSockets
import BerthSystem
import Testing

@Suite("What is said when no other socket is to blame, or none can be seen")
struct RefusedTextTests {
    @Test("a low port without the right to it")
    func lowPort() {
        let finding = Fixture.finding(
            Fixture.ipv4("0.0.0.0", 80), errno: .permissionDenied, holders: .known([]))
        #expect(
            finding.description == """
                error[B022]: 0.0.0.0:80 cannot be bound by user deploy: ports below 1024 need CAP_NET_BIND_SERVICE
                evidence: bind: permission is denied (EACCES) (the bind that failed)
                evidence: 1024 (/proc/sys/net/ipv4/ip_unprivileged_port_start)
                evidence: CAP_NET_BIND_SERVICE off (/proc/self/status)
                means: the kernel keeps low ports for those with the right to them.
                fix: 1. give the program the right: setcap cap_net_bind_service=+ep PROGRAM, or \
                AmbientCapabilities=CAP_NET_BIND_SERVICE in its systemd unit
                     2. or let everyone bind it: sysctl -w net.ipv4.ip_unprivileged_port_start=80
                     3. or bind a port from 1024 on
                verify: grep CapEff /proc/PID/status (bit 10 is CAP_NET_BIND_SERVICE)
                confidence: certain
                """)
        #expect(
            finding.summary == "ports below 1024 need CAP_NET_BIND_SERVICE, which user deploy does not have here")
    }

    @Test("an address of another machine, with the addresses of this one")
    func foreignAddress() {
        let finding = Fixture.finding(
            Fixture.ipv4("192.0.2.1"), errno: .addressNotAvailable, holders: .known([]))
        #expect(
            finding.description == """
                error[B022]: 192.0.2.1:8080 cannot be bound: 192.0.2.1 is not an address of this machine
                evidence: bind: the address is not one of this machine's, or no local port is left (EADDRNOTAVAIL) \
                (the bind that failed)
                evidence: addresses: 127.0.0.1 and 10.0.0.5 (getifaddrs)
                means: a socket can only be bound to an address of an interface in its own network namespace.
                fix: bind one of the addresses above, or every one of them: 0.0.0.0:8080
                verify: ip -brief address
                confidence: certain
                """)
        #expect(finding.summary == "192.0.2.1 is not an address of this machine")
    }

    @Test("port 0 with every port in use")
    func noPortLeft() {
        let finding = Fixture.finding(Fixture.ipv4("0.0.0.0", 0), holders: .known([]))
        #expect(finding.code == .portsExhausted)
        #expect(finding.summary == "no local port is free in 32768 to 60999")
    }

    @Test("in use, and nothing to be seen: gone meanwhile, or not listed by an old kernel")
    func nothingVisible() {
        let finding = Fixture.finding(Fixture.ipv4("127.0.0.1"), holders: .known([])) {
            $0.settings.kernel = .known(.init(major: 6, minor: 1))
        }
        #expect(
            finding.description == """
                error[B027]: 127.0.0.1:8080 was in use, and nothing that holds it can be seen now
                evidence: bind: the address is already in use (EADDRINUSE) (the bind that failed)
                evidence: no socket with this port stands in the way (sock_diag)
                not seen: sockets that are bound and do not listen: Linux 6.1 lists them only from 6.8 on
                means: what held the address ended between the bind and this look, or is a socket that is not listed.
                fix: 1. try again
                     2. bind another port, or port 0 for one that is free
                verify: python3 -c "import socket; socket.socket(socket.AF_INET).bind(('127.0.0.1', 8080))" (prints \
                nothing once the port is free)
                confidence: possible
                """)
        #expect(finding.summary == "nothing that holds it can be seen now: it may just have ended")
    }

    @Test("in use, and the kernel does not tell about its sockets")
    func cannotLook() {
        let finding = Fixture.finding(
            Fixture.ipv4("127.0.0.1"), holders: .unknown(.failed(.addressFamilyNotSupported)))
        #expect(
            finding.description == """
                error[B027]: 127.0.0.1:8080 is in use; who holds it could not be looked at
                evidence: bind: the address is already in use (EADDRINUSE) (the bind that failed)
                not seen: the sockets of this machine (sock_diag): the kernel does not support this address family \
                (EAFNOSUPPORT)
                means: the kernel refused the bind, and did not tell about its sockets.
                fix: 1. try again
                     2. bind another port, or port 0 for one that is free
                verify: python3 -c "import socket; socket.socket(socket.AF_INET).bind(('127.0.0.1', 8080))" (prints \
                nothing once the port is free)
                confidence: possible
                """)
    }

    @Test("every other error is passed on with its sentence")
    func others() {
        let address = SocketAddress.ipv6(IPv6Address(high: 0xfe80 << 48, low: 1), port: 8080)
        let finding = Fixture.finding(address, errno: .invalidArgument, holders: .known([]))
        #expect(
            finding.description == """
                error[B022]: [fe80::1]:8080 cannot be bound: an argument is invalid (EINVAL)
                evidence: bind: an argument is invalid (EINVAL) (the bind that failed)
                means: the kernel refused the address itself; no other socket has to do with it.
                fix: name the interface of the link-local address: [fe80::1%INTERFACE]:8080
                confidence: certain
                """)
    }
}
