import BerthInspect
import BerthSockets
import BerthSystem
import Testing

@Suite("Rules that no test can produce are tested from hand-made snapshots")
struct RuleTableTests {
    /// Ten seconds between two looks at a network with one server.
    static func findings(
        _ focus: CheckFocus = .everything, _ change: (inout Snapshot, inout Snapshot) -> Void
    ) -> [Finding] {
        var before = Snapshot()
        before.monotonic = 1
        var server = InspectedSocket()
        server.state = .listen
        server.localPort = 8080
        server.sendQueue = 128
        server.inode = 7
        server.cookie = 7
        before.sockets = [server]
        before.settings = ["net/core/somaxconn": [4096], "net/ipv4/ip_local_port_range": [32_768, 60_999]]
        before.processes = [4112: ProcessFacts(record: Fixture.python())]
        before.owners = OwnerIndex([.init(inode: 7, pid: 4112, descriptor: 3)])
        before.addresses = [Fixture.ipv4("127.0.0.1", 0), Fixture.ipv4("10.0.0.5", 0)]
        var now = before
        now.monotonic += 10_000_000_000
        change(&before, &now)
        return CheckReport(CheckInput(before: before, now: now, focus: focus)).findings
    }

    @Test("the server itself is fine")
    func healthy() { #expect(Self.findings { _, _ in } == []) }

    @Test("B002: a listener that a child inherited")
    func inherited() {
        let found = Self.findings { _, now in now.processes = [4112: ProcessFacts(record: Fixture.sleep(pid: 4112))] }
        #expect(
            found.map(\.headline) == [
                "0.0.0.0:8080 is held by sleep (pid 4112, user deploy): descriptor 3, inherited from a server that is gone"
            ])
    }

    @Test("B003: leftovers, only where the port is asked about")
    func leftovers() {
        let change: (inout Snapshot, inout Snapshot) -> Void = { _, now in
            now.sockets[0].state = .timeWait
            now.sockets[0].inode = 0
            now.sockets[0].timer = .timeWait
            now.sockets[0].expires = 40_000
        }
        #expect(Self.findings(.everything, change) == [])
        #expect(
            Self.findings(.port(8080), change).map(\.headline) == [
                "nobody listens on port 8080, but 1 TIME_WAIT socket still holds it"
            ])
    }

    @Test("B008: SYN queues, with cookies and without")
    func synQueue() {
        let cookies = Self.findings { _, now in now.counters = Counters(["TcpExt.TCPReqQFullDoCookies": 40]) }
        #expect(cookies.map(\.headline) == ["40 handshakes answered with SYN cookies in 10 s: a SYN queue is full"])
        #expect(cookies.map(\.severity) == [.warning])
        let drops = Self.findings { _, now in now.counters = Counters(["TcpExt.TCPReqQFullDrop": 1]) }
        #expect(drops.map(\.headline) == ["1 handshake dropped in 10 s: a SYN queue is full"])
        #expect(drops.map(\.severity) == [.error])
    }

    @Test("B012: TIME_WAIT is a finding only at the limit")
    func timeWait() {
        func found(_ count: Int, thrownAway: Int = 0) -> [String] {
            Self.findings { _, now in
                now.settings["net/ipv4/tcp_max_tw_buckets"] = [131_072]
                now.counters = Counters(["TCP.tw": count, "TcpExt.TCPTimeWaitOverflow": thrownAway])
            }.map(\.headline)
        }
        #expect(found(90_000) == [])
        #expect(found(131_072) == ["131072 connections are in TIME_WAIT, of 131072 that the kernel keeps"])
        #expect(
            found(131_072, thrownAway: 5) == [
                "131072 connections are in TIME_WAIT, of 131072 that the kernel keeps; 5 were thrown away in 10 s"
            ])
    }

    @Test("B018: many idle connections without keep-alive")
    func idle() {
        func found(_ count: Int, keepAlive: Bool) -> [Finding] {
            Self.findings { _, now in
                for number in 0..<count {
                    var socket = InspectedSocket()
                    socket.state = .established
                    socket.localLow = 0x0a00_0005
                    socket.localPort = 8080
                    socket.remoteLow = 0x0a00_0100 + UInt64(number)
                    socket.inode = 100 + UInt32(number)
                    socket.cookie = UInt64(socket.inode)
                    socket.hasInfo = true
                    socket.lastDataReceived = 7_200_000
                    socket.lastDataSent = 7_200_000
                    now.sockets.append(socket)
                    now.switches[socket.inode] = SocketSwitches(options: .init(.exclusive), keepAlive: keepAlive)
                }
            }
        }
        #expect(found(9, keepAlive: false) == [])
        #expect(found(12, keepAlive: true) == [])
        #expect(
            found(12, keepAlive: false).map(\.headline) == [
                "12 connections of a process of user 0 have been idle for more than an hour without keep-alive, the "
                    + "oldest for 2 h"
            ])
    }

    @Test("B021: loopback only, in a container")
    func container() {
        func found(_ unit: ServiceUnit?) -> [String] {
            Self.findings { _, now in
                now.sockets[0].localLow = 0x7f00_0001
                now.processes = [4112: ProcessFacts(record: Fixture.python(unit: unit))]
            }.map(\.headline)
        }
        #expect(found(.systemd("web.service")) == [])
        #expect(
            found(.container(runtime: "docker", id: "0123456789ab")) == [
                "python3 (pid 4112, user deploy, docker container 0123456789ab) listens on 127.0.0.1:8080 only, inside a "
                    + "container"
            ])
    }

    @Test("B024: connection tracking near its end")
    func conntrack() {
        func found(_ count: Int) -> [String] {
            Self.findings { _, now in
                now.settings["net/netfilter/nf_conntrack_count"] = [count]
                now.settings["net/netfilter/nf_conntrack_max"] = [1000]
            }.map(\.headline)
        }
        #expect(found(899) == [])
        #expect(found(1000) == ["the firewall tracks 1000 connections, of 1000 that its table holds"])
    }

    @Test("B025: loss and memory pressure")
    func loss() {
        let lost = Self.findings { _, now in
            now.counters = Counters(["Tcp.OutSegs": 1000, "Tcp.RetransSegs": 61, "TcpExt.PruneCalled": 3])
        }
        #expect(
            lost.map(\.headline) == [
                "6 % of the segments were sent again in 10 s (61 of 1000)", "TCP was short of memory in 10 s",
            ])
        #expect(Self.findings { _, now in now.counters = Counters(["Tcp.OutSegs": 1000, "Tcp.RetransSegs": 9]) } == [])
    }

    @Test("one look decides what needs no second one, and says what was skipped")
    func oneLook() {
        var snapshot = Snapshot()
        snapshot.monotonic = 1
        let report = CheckReport(CheckInput(before: snapshot, now: snapshot))
        #expect(report.findings == [])
        #expect(report.checked + report.skipped.count == Rule.all.count)
        #expect(
            report.skipped.filter { $0.reason == "it compares two moments: --for 1s or longer" }.map(\.code.rawValue)
                == ["B008", "B010", "B014", "B020", "B023", "B025"])
    }

    @Test("every code has a page, and every rule a code of its own")
    func pages() {
        let codes = Rule.all.map(\.code.rawValue) + ["B001", "B004", "B022", "B026", "B027", "B028"]
        #expect(Set(codes).count == codes.count)
        #expect(codes.allSatisfy { ExplainPage.find($0) != nil })
        #expect(ExplainPage.all.filter { $0.key.hasPrefix("B0") }.count == codes.count)
    }
}
