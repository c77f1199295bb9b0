import BerthSockets
import BerthSystem
import TestSupport
import Testing

@testable import BerthInspect

@Suite("berth why tells who has a port, and what a bind would meet", .enabled(if: PrivateNetwork.isAvailable))
struct WhyTests {
    /// A report of the private network, without ports, process numbers and times.
    static func steady(_ text: String, _ port: UInt16) -> String {
        RuleSceneTests.steady(text, port: port).replacing(
            #/since \d\d:\d\d:\d\d(, N s ago| \(N s ago\))/#, with: "since NOW"
        )
        .replacing(#/why PORT --pid \d+/#, with: "why PORT --pid N")
        .replacing(#/free \d+ /#, with: "free PORT ").replacing(#/ +\n/#, with: "\n")
    }

    /// The table's rows, with single spaces.
    static func table(_ text: String) -> [String] {
        guard let begin = text.firstRange(of: "if you bind now:\n") else { return [] }
        return text[begin.upperBound...].split(separator: "\n", omittingEmptySubsequences: false).prefix { !$0.isEmpty }
            .map { $0.split(separator: " ").joined(separator: " ") }
    }

    @Test("the article's session: TIME_WAIT, the seconds left, and why SO_REUSEADDR alone does not help")
    func session() async throws {
        let (text, port) = try await inPrivateNetwork {
            let server = try PythonServer(
                """
                s = socket.socket()
                s.bind(('0.0.0.0', 0)); s.listen(); say(s.getsockname()[1])
                (client, addr) = s.accept()
                """)
            let port: UInt16 = try server.number()
            // The server ends after accept, so it closes first; then nc does.
            let client = try RawSocket(connectingTo: .ipv4(.loopback, port: port))
            try client.waitForEnd()
            _ = consume client
            _ = try server.program.end()
            _ = try awaitedRecord(port: port, state: .timeWait)
            return (try PortReport.read(port: port, looksElsewhere: false).text, port)
        }
        #expect(
            Self.steady(text, port) == """
                0.0.0.0:PORT is in use: nobody listens there, but connections of an earlier server hold the port, and \
                it had SO_REUSEADDR off: 1 TIME_WAIT since N s (N s left)

                who holds it:
                  (1) 1 TIME_WAIT socket since N s (N s left); 127.0.0.1:PORT with 127.0.0.1:PEER
                      no process holds it any more: the kernel ends it
                      SO_REUSEADDR off, SO_REUSEPORT off (by a bind with each option, closed at once)

                if you bind now:
                \(Self.indentedTable(text, port))

                what to do, the most harmless first:
                  1. wait N s: setting SO_REUSEADDR on the new server alone does not help, because the old one lacked \
                it; the restart after that works at once
                  2. use another port, or port 0 for one that is free
                  3. destroy what is left, as root: berth free PORT --destroy-leftovers
                """)
        #expect(
            Self.table(text) == [
                "as 0.0.0.0:\(port) 127.0.0.1:\(port) [::]:\(port)", "exclusive no (1) no (1) no (1)",
                "after-time-wait (default) no (1) no (1) no (1)", "shared no (1) no (1) no (1)",
                "another user gets the same answers",
            ])
    }

    /// The table as it stands in a text; its columns' widths depend on the port.
    static func indentedTable(_ text: String, _ port: UInt16) -> String {
        let all = steady(text, port)
        guard let begin = all.firstRange(of: "if you bind now:\n"), let end = all.firstRange(of: "\n\nwhat to do")
        else {
            return ""
        }
        return String(all[begin.upperBound..<end.lowerBound])
    }

    @Test("what an earlier server with SO_REUSEADDR left is in nobody's way who sets it, too")
    func politeLeftovers() async throws {
        let (report, port) = try await inPrivateNetwork {
            let any = SocketAddress.ipv4(.any, port: 0)
            let listener = try RawSocket(any, ReuseOptions(.afterTimeWait), listens: true)
            let port = try listener.port()
            _ = try leave(.timeWait, of: listener, at: .ipv4(.loopback, port: port))
            _ = consume listener
            try waitUntilNobodyListens(on: port)
            return (try PortReport.read(port: port, looksElsewhere: false), port)
        }
        #expect(report.isFree == true)
        #expect(
            report.answer == "0.0.0.0:\(port) is free for a server with SO_REUSEADDR (Berth's default); without it, "
                + "connections of an earlier server are in the way")
        #expect(
            Self.table(report.text) == [
                "as 0.0.0.0:\(port) 127.0.0.1:\(port) [::]:\(port)", "exclusive no (1) no (1) no (1)",
                "after-time-wait (default) yes yes yes", "shared yes yes yes", "another user gets the same answers",
            ])
        #expect(report.advice.first?.hasPrefix("set SO_REUSEADDR before bind") == true)
    }

    @Test("what it predicts is what a bind meets, for every policy and address")
    func predictionsHold() async throws {
        let wrong = try await inPrivateNetwork {
            var wrong: [String] = []
            let forms: [SocketAddress] = [.ipv4(.any, port: 0), .ipv4(.loopback, port: 0), .ipv6(.any, port: 0)]
            for form in forms {
                for policy in ReusePolicy.allCases {
                    let listener = try RawSocket(form, ReuseOptions(policy), listens: true)
                    let port = try listener.port()
                    let report = try PortReport.read(port: port, looksElsewhere: false)
                    for address in report.addresses {
                        for reuse in ReusePolicy.allCases {
                            let works = (try? PortReport.attempt(reuse, address, .tcp).get()) != nil
                            if report.verdict(reuse, address).allowed != works {
                                wrong.append("\(form) \(policy), then \(address) \(reuse): \(works)")
                            }
                        }
                    }
                    _ = consume listener
                }
            }
            return wrong
        }
        #expect(wrong == [])
    }

    @Test("a listener in another network is told, and in nobody's way")
    func otherNetwork() async throws {
        let (report, port, pid) = try await inPrivateNetwork {
            let server = try Program(
                "unshare",
                [
                    "-n", "python3", "-c",
                    """
                    import socket, sys
                    s = socket.socket(); s.bind(('0.0.0.0', 0)); s.listen(); print(f'1={s.getsockname()[1]}', flush=True)
                    sys.stdin.read()
                    """,
                ])
            let port = UInt16(server.line(containing: "1=", on: .standard)?.dropFirst(2) ?? "") ?? 0
            let report = try PortReport.read(port: port)
            let pid = server.pid
            _ = try server.end()
            return (report, port, pid)
        }
        #expect(report.isFree == true)
        let place = try #require(report.elsewhere.first { $0.process.pid == pid })
        #expect(place.local == .ipv4(.any, port: port))
        #expect(
            report.text.contains(
                "  0.0.0.0:\(port) by python3 (pid \(pid), user root); look there: berth why \(port) --pid \(pid)\n"))
    }

    @Test("a group of another user: shared works for that user only")
    func otherUser() async throws {
        let (report, port) = try await inPrivateNetwork {
            let server = try PythonServer(
                """
                os.setresuid(65534, 65534, 65534)
                s = listener('127.0.0.1', share=1); say(s.getsockname()[1]); s.accept()
                """)
            let port: UInt16 = try server.number()
            return (try PortReport.read(port: port, looksElsewhere: false), port)
        }
        #expect(
            Self.table(report.text) == [
                "as 0.0.0.0:\(port) 127.0.0.1:\(port) [::]:\(port)", "exclusive no (1) no (1) no (1)",
                "after-time-wait (default) no (1) no (1) no (1)", "shared no (1) no (1) no (1)",
                "as user nobody yes yes yes",
            ])
        #expect(
            report.holders[0].options == .known(ReuseOptions(reuseAddress: true, reusePort: true)))
    }

    @Test("UDP: two that have SO_REUSEADDR share an address, whoever they belong to")
    func datagrams() async throws {
        let report = try await inPrivateNetwork {
            let server = try PythonServer(
                """
                s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                s.bind(('127.0.0.1', 0)); say(s.getsockname()[1]); time.sleep(60)
                """)
            return try PortReport.read(port: try server.number(), transport: .udp, looksElsewhere: false)
        }
        let address = SocketAddress.ipv4(.any, port: report.port)
        #expect(report.verdict(.exclusive, address).allowed == false)
        #expect(report.verdict(.afterTimeWait, address, isOtherUser: true).allowed == true)
    }
}

@Suite("berth why of an address that cannot be bound at all")
struct WhyRefusedTests {
    static func report(_ address: SocketAddress, change: (inout HostSettings) -> Void = { _ in }) -> PortReport {
        var settings = HostSettings()
        settings.firstUnprivilegedPort = .known(1024)
        settings.mayBindAnyPort = .known(false)
        settings.allowsForeignAddresses = .known(false)
        settings.addresses = .known([Fixture.ipv4("127.0.0.1", 0), Fixture.ipv4("10.0.0.5", 0)])
        change(&settings)
        let evidence = BindEvidence(
            holders: .known([]), settings: settings, users: UserNames(names: [1000: "deploy"]), time: Fixture.now)
        return PortReport(
            transport: .tcp, port: address.port ?? 0, addresses: [address], holders: [], evidence: evidence,
            elsewhere: [], user: 1000)
    }

    @Test("a low port without the right to it")
    func lowPort() {
        let report = Self.report(Fixture.ipv4("0.0.0.0", 80))
        #expect(
            report.answer
                == "0.0.0.0:80 cannot be bound by user deploy: ports below 1024 need CAP_NET_BIND_SERVICE")
        #expect(report.isFree == false)
        #expect(Self.report(Fixture.ipv4("0.0.0.0", 80)) { $0.mayBindAnyPort = .known(true) }.isFree == true)
    }

    @Test("an address of another machine")
    func foreign() {
        let report = Self.report(Fixture.ipv4("192.0.2.1"))
        #expect(report.answer == "192.0.2.1:8080 cannot be bound: 192.0.2.1 is not an address of this machine")
        #expect(report.advice == ["bind one of the addresses above, or every one of them: 0.0.0.0:8080"])
        #expect(Self.report(Fixture.ipv4("10.0.0.5")).isFree == true)
        #expect(Self.report(Fixture.ipv4("127.0.0.9")).isFree == true)
    }
}
