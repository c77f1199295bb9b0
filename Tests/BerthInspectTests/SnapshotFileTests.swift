import BerthInspect
import BerthSockets
import BerthSystem
import BerthTesting
import TestSupport
import Testing

@Suite("Snapshots are files")
struct SnapshotFileTests {
    /// Some of everything that a snapshot can hold.
    static var snapshot: Snapshot {
        var snapshot = Snapshot()
        snapshot.wallClock = 1_795_279_500_000_000_000
        snapshot.monotonic = 4711
        snapshot.kernel = "6.18.44 \"test\"\n"
        snapshot.gaps = ["nothing: ü"]
        snapshot.settings = ["net/ipv4/ip_local_port_range": [32_768, 60_999]]
        snapshot.counters = Counters(["Tcp.RetransSegs": 12])
        snapshot.users = [0: "root"]
        snapshot.addresses = [.ipv4(.loopback, port: 0), .ipv6(.loopback, port: 0)]
        var listener = InspectedSocket()
        listener.state = .listen
        listener.localPort = 8080
        listener.inode = 7
        listener.isIPv6 = true
        listener.isIPv6Only = false
        listener.cookie = .max
        var connection = InspectedSocket()
        connection.state = .established
        connection.hasInfo = true
        connection.bytesSent = 1 << 60
        connection.limitedByPeer = 3
        snapshot.sockets = [listener, connection]
        snapshot.owners = OwnerIndex([.init(inode: 7, pid: 4112, descriptor: 3)])
        snapshot.processes = [
            4112: ProcessFacts(record: Fixture.python(unit: .systemd("web.service")), descriptors: 5, softLimit: 1024)
        ]
        snapshot.switches = [7: SocketSwitches(options: .init(.shared), isIPv6Only: false, linger: 0)]
        return snapshot
    }

    @Test("what is written is read again")
    func roundTrip() throws {
        let read = try #require(try SnapshotFile.decoded(SnapshotFile.encoded([Self.snapshot, Self.snapshot])).last)
        let original = Self.snapshot
        #expect(read.sockets == original.sockets)
        #expect(read.owners == original.owners)
        #expect(read.switches == original.switches)
        #expect(read.counters == original.counters)
        #expect(read.settings == original.settings)
        #expect(read.addresses == original.addresses)
        #expect(read.gaps == original.gaps)
        #expect(read.kernel == original.kernel)
        #expect(read.processes[4112]?.record.unit == .systemd("web.service"))
        #expect(read.processes[4112]?.record.arguments == ["python3", "-m", "http.server", "8080"])
        #expect(read.processes[4112]?.softLimit == 1024)
        #expect(read.processes[4112]?.hardLimit == nil)
    }

    static func mistake(_ text: String) -> String? {
        do throws(SnapshotFile.Mistake) {
            _ = try SnapshotFile.decoded(Array(text.utf8))
            return nil
        } catch {
            return error.description
        }
    }

    @Test("what is no snapshot is refused in one sentence")
    func malformed() {
        #expect(Self.mistake("") == "it is empty")
        #expect(Self.mistake("{}") == "it is JSON, but not a snapshot of berth check --save")
        #expect(Self.mistake("hello") == "it is not a whole snapshot: byte 0: expected an object")
        #expect(
            Self.mistake(#"{"berthSnapshot":99,"snapshots":[]}"#)
                == "it is a snapshot of version 99; this berth reads version 1")
        #expect(
            Self.mistake(#"{"berthSnapshot":1,"snapshots":[{"sockets":[[6,0,99]]}]}"#)?
                .hasPrefix("it is not a whole snapshot: byte ") == true)
        #expect(
            Self.mistake(#"{"berthSnapshot":1,"snapshots":[{"monotonic":"x"}]}"#)
                == "it is not a whole snapshot: byte 45: expected a whole number")
        #expect(Self.mistake(#"{"berthSnapshot":1,"snapshots":[{"later":[1,{"a":null}]}]}"#) == nil)
        let deep = String(repeating: "[", count: 100_000)
        #expect(Self.mistake(#"{"x":"# + deep)?.contains("fewer lists in lists") == true)
    }

    @Test("a file that is cut anywhere is refused")
    func truncated() {
        let whole = SnapshotFile.encoded([Self.snapshot])
        for count in 0..<whole.count - 2 {
            #expect(throws: SnapshotFile.Mistake.self) { try SnapshotFile.decoded(Array(whole[..<count])) }
        }
    }

    @Test("arbitrary bytes never crash the reader")
    func garbage() {
        var generator = SeededGenerator(state: 99)
        let whole = SnapshotFile.encoded([Self.snapshot])
        for _ in 0..<3_000 {
            var bytes = whole
            for _ in 0...Int.random(in: 0..<6, using: &generator) {
                bytes[Int.random(in: bytes.indices, using: &generator)] = .random(in: 0...255, using: &generator)
            }
            _ = try? SnapshotFile.decoded(bytes)
        }
    }

    @Test("numbers that nobody has measured never crash a rule")
    func hostileNumbers() {
        var generator = SeededGenerator(state: 7)
        var before = Self.snapshot
        before.sockets[1].inode = 7
        before.settings["net/ipv4/tcp_max_tw_buckets"] = [10]
        before.settings["net/netfilter/nf_conntrack_max"] = [10]
        before.settings["net/netfilter/nf_conntrack_count"] = [10]
        for name in ["TCPTimeWaitOverflow", "DelayedACKs", "TCPAbortOnClose", "PruneCalled", "ListenOverflows"] {
            before.counters.set("TcpExt.\(name)", 5)
        }
        before.counters.set("Tcp.OutSegs", 5)
        var now = before
        now.monotonic += 1_000_000_000
        let text = String(decoding: SnapshotFile.encoded([before, now]), as: UTF8.self)
        let pieces = text.split(separator: #/\b\d+\b/#, omittingEmptySubsequences: false)
        let numbers = text.matches(of: #/\b\d+\b/#).map { String($0.output) }
        let hostile = ["0", "1", "65535", "4294967295", "9223372036854775807", "18446744073709551615"]
        var read = 0
        for _ in 0..<200 {
            var changed = numbers
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                changed[Int.random(in: 2..<numbers.count, using: &generator)] =
                    hostile.randomElement(using: &generator) ?? ""
            }
            let mutated = zip(pieces, changed + [""]).map { $0 + $1 }.joined()
            guard let snapshots = try? SnapshotFile.decoded(Array(mutated.utf8)) else { continue }
            read += 1
            for focus in [CheckFocus.everything, .port(8080), .process(4112)] {
                let report = CheckReport(CheckInput(before: snapshots[0], now: snapshots[1], focus: focus))
                #expect(report.findings.allSatisfy { !$0.description.isEmpty })
            }
        }
        #expect(read > 50)
    }

    @Test("a process that ends while it is looked at is left out, and nothing fails")
    func vanishing() async throws {
        try await onOwnThread {
            let isOver = Monitor(false)
            try Thread.start(name: "short-lived") {
                for _ in 0..<40 {
                    guard let program = try? Program("true", []) else { continue }
                    _ = try? program.end()
                }
                isOver.change { $0 = true }
            }
            while !isOver.withLock({ $0 }) { _ = try Snapshot.read() }
        }
    }

    @Test("rules decide by a file as they do by a look")
    func rulesFromFile() throws {
        var before = Self.snapshot
        before.switches = [:]
        before.counters = Counters(["TcpExt.TCPAbortOnClose": 1])
        var now = before
        now.monotonic += 10_000_000_000
        now.counters = Counters(["TcpExt.TCPAbortOnClose": 38])
        let read = try SnapshotFile.decoded(SnapshotFile.encoded([before, now]))
        let report = CheckReport(CheckInput(before: read[0], now: read[1]))
        #expect(
            report.findings.map(\.headline) == [
                "37 connections were reset in 10 s because they were closed with input unread"
            ])
    }
}
