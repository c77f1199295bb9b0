internal import BerthInspect
internal import BerthSystem

/// Connections that are closed on one side.
extension Ports {
    static let finWait: [Experiment] = [
        finWait2(
            "fin-wait2-length", "net.ipv4.tcp_fin_timeout says how long a closed connection waits for its peer's FIN.",
            seconds: 2.9...40
        ) { lab, _ in try lab.set("net.ipv4.tcp_fin_timeout", to: 3) },
        finWait2(
            "fin-wait2-linger2", "TCP_LINGER2 says the same for one connection.", seconds: 2.9...40
        ) { lab, server in try lab.set(server, .linger2(3)) },
        finWait2(
            "fin-wait2-above-a-minute",
            "A tcp_fin_timeout above 60 seconds does not do what it says: 70 lasts 20 seconds.", seconds: 18...28,
            kind: .slow
        ) { lab, _ in try lab.set("net.ipv4.tcp_fin_timeout", to: 70) },
        Experiment(
            "fin-wait2-data-is-reset", "Data for a connection that its process has closed is answered by an RST.",
            .answered, pages: ["fin-wait", "rst"],
            because: """
                Nobody is left to read it, and to throw it away silently would be a lie. The peer's first send works, \
                since nobody had told it anything; the next one fails.
                """
        ) { lab in
            let (_, client, server) = try lab.connection()
            try lab.close(server)
            try lab.expect(server, is: "FIN_WAIT2")
            try lab.expect("the client's send", is: "OK") { try lab.send(client, "are you there?") }
            try lab.expect(server, is: "gone")
            try lab.expect("its next send", is: "EPIPE") { try lab.send(client, "hello?") }
            try lab.expectPackets(["client [S]", "server [S.]", "server [F.]", "client [P.] 14", "server [R]"])
        },
        Experiment(
            "fin-wait2-peer-stays", "When FIN_WAIT2 is over, the peer is told nothing: it stays in CLOSE_WAIT.",
            .answered,
            pages: ["close-wait", "fin-wait"],
            because: "The kernel forgets its side. The other one learns of it when it sends something."
        ) { lab in
            try lab.set("net.ipv4.tcp_fin_timeout", to: 1)
            let (_, client, server) = try lab.connection()
            try lab.close(server)
            try lab.expect(server, is: "gone")
            try lab.expect(client, is: "CLOSE_WAIT")
            try lab.expect("the client's send", is: "OK") { try lab.send(client, "are you there?") }
            try lab.expectSoon("the last packet", is: "server [R]") { try lab.packets().last ?? "none" }
            try lab.expect("its next send", is: "EPIPE") { try lab.send(client, "hello?") }
        },
        Experiment(
            "held-states-have-no-timer",
            "CLOSE_WAIT, and FIN_WAIT2 whose descriptor is open, last as long as the process likes.",
            belief: "Half-closed connections are cleaned up after a while.", .isFalse,
            pages: ["close-wait", "fin-wait", "half-close"],
            because: """
                tcp_fin_timeout is for connections that no process has any more. While a descriptor is open the kernel runs \
                no timer: a half-closed connection is a legal one.
                """
        ) { lab in
            try lab.set("net.ipv4.tcp_fin_timeout", to: 1)
            let (_, client, server) = try lab.connection()
            try lab.shut(server)
            try lab.expect(server, is: "FIN_WAIT2")
            try lab.expect(client, is: "CLOSE_WAIT")
            func timer(_ socket: LabSocket) throws -> String { "\(try lab.record(socket)?.timer ?? .timeWait)" }
            try lab.expectSoon("the timer of the server", is: "none") { try timer(server) }
            try lab.expectSoon("the timer of the client", is: "none") { try timer(client) }
            try lab.pause(.milliseconds(1500))
            try lab.expect(server, is: "FIN_WAIT2")
            try lab.send(client, "still here")
            lab.expect("the server's recv", lab.receive(server).text, is: "still here")
        },
        Experiment(
            "orphan-retries", "A closed connection whose peer is silent is given up after net.ipv4.tcp_orphan_retries.",
            .answered, pages: ["fin-wait"],
            because: """
                Its FIN is sent again with growing pauses. By default it is eight times, which is 107 seconds here; each of \
                FIN_WAIT1, LAST_ACK and CLOSING ends so.
                """
        ) { lab in
            try lab.set("net.ipv4.tcp_orphan_retries", to: 3)
            let (_, client, server) = try lab.connection()
            try lab.deafen(client)
            let begin = MonotonicTime.now
            try lab.close(server)
            try lab.expect(server, is: "FIN_WAIT1")
            lab.expect(
                "seconds until it is gone", try lab.secondsUntilGone(server, since: begin, within: .seconds(70)),
                in: 1...60)
        },
        Experiment(
            "orphan-retries-by-default", "By default a closed connection whose peer is silent lasts 107 seconds.",
            .answered,
            kind: .slow, pages: ["fin-wait"],
            because: "Eight retransmissions, each after twice the time of the one before."
        ) { lab in
            let (_, client, server) = try lab.connection()
            try lab.deafen(client)
            let begin = MonotonicTime.now
            try lab.close(server)
            lab.expect(
                "seconds until it is gone", try lab.secondsUntilGone(server, since: begin, within: .seconds(200)),
                in: 90...130)
        },
    ]

    private static func finWait2(
        _ id: String, _ claim: String, seconds: ClosedRange<Double>, kind: Experiment.Kind = .deterministic,
        _ prepare: @escaping @Sendable (_ lab: Stage, _ server: LabSocket) throws -> Void
    ) -> Experiment {
        Experiment(
            id, claim, .answered, kind: kind, pages: ["fin-wait"],
            because: """
                After its FIN was acknowledged a closed connection waits for the other one. No process would notice if it \
                waited for ever, so a timer ends it. Above a minute the kernel moves it to the small form of TIME_WAIT and \
                counts what exceeds the minute twice.
                """
        ) { lab in
            let (_, _, server) = try lab.connection()
            try prepare(lab, server)
            let begin = MonotonicTime.now
            try lab.close(server)
            try lab.expect(server, is: "FIN_WAIT2")
            lab.expect(
                "seconds until it is gone", try lab.secondsUntilGone(server, since: begin, within: .seconds(150)),
                in: seconds)
        }
    }
}
