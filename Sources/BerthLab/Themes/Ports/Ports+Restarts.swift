/// Starting a server again: what is left of the last one's connections.
extension Ports {
    private static let belief = "Without SO_REUSEADDR a restarted server fails with EADDRINUSE (98)."
    private static let condition = Verdict.onlyIf("the server's side has something left of a connection")

    static let restarts: [Experiment] = [
        Experiment(
            "restart-server-closed-first",
            "A server that closed its connections first cannot bind its port again without SO_REUSEADDR.",
            belief: belief, condition, pages: ["time-wait", "reuse"],
            because: """
                The side that closes first keeps its end of the connection in TIME_WAIT for a minute, so that late \
                segments are not taken for those of the next connection. That remnant holds the local address and port \
                like a bound socket. It took its options from the listener: without SO_REUSEADDR nobody may share \
                with it.
                """
        ) { lab in
            try lab.leaveTimeWait()
            try lab.expect("the next server", is: "EADDRINUSE") { try lab.listener("next") }
        },
        Experiment(
            "restart-client-closed-first",
            "A server whose clients closed first can bind its port again at once, without any option.",
            belief: belief, condition, pages: ["time-wait"],
            because: """
                TIME_WAIT is on the side of whoever closed first. Here that is the client: its remnant has the port of \
                the server as its remote port, and holds its own port alone.
                """
        ) { lab in
            let (listener, client, server) = try lab.connection()
            try lab.close(client)
            lab.expect("the server's recv", lab.receive(server), is: "end")
            try lab.close(server)
            try lab.close(listener)
            try lab.expect(client, is: "TIME_WAIT")
            try lab.expectLeft([])
            try lab.expect("the next server", is: "OK") { try lab.listener("next") }
        },
        Experiment(
            "restart-after-reset", "A connection that was reset leaves nothing: the port can be bound again at once.",
            belief: belief, condition, pages: ["rst", "time-wait"],
            because:
                "An RST ends a connection on both sides without any state afterwards: there is nothing to wait for."
        ) { lab in
            let (listener, client, server) = try lab.connection()
            try lab.reset(client)
            lab.expect("the server's recv", lab.receive(server), is: "ECONNRESET")
            try lab.close(server)
            try lab.close(listener)
            try lab.expectLeft([])
            try lab.expect("the next server", is: "OK") { try lab.listener("next") }
        },
        Experiment(
            "restart-after-unread-input",
            "A server that exits while something its client typed is unread leaves no TIME_WAIT, but a reset client.",
            belief: "When a server exits, its connections stay with the operating system, and the port with them.",
            .onlyIf("the server had read everything"), pages: ["rst"],
            because: """
                A close with unread data sends an RST, which ends the connection on both sides. Whether the second article's \
                server can be started again depends on whether somebody has typed into `nc` before.
                """
        ) { lab in
            let (listener, client, server) = try lab.connection()
            try lab.send(client, "hello")
            try lab.expectSoon("what waits at the server", is: "5") { "\(try lab.unread(server))" }
            try lab.close(server)
            lab.expect("the client's recv", lab.receive(client), is: "ECONNRESET")
            try lab.close(listener)
            try lab.expectLeft([])
            try lab.expect("the next server", is: "OK") { try lab.listener("next") }
        },
        Experiment(
            "restart-reuse-on-new-only",
            "SO_REUSEADDR on the new server alone does not help: the first restart after the fix still fails.",
            belief: "Setting SO_REUSEADDR on the server's socket makes the error go away.",
            .onlyIf("the old server had it as well"), pages: ["reuse", "time-wait"],
            because: """
                The kernel lets two sockets share an address only when both have said so. The remnant has the options of \
                the listener it came from, and that one was started before the fix.
                """
        ) { lab in
            try lab.leaveTimeWait()
            try lab.expect("the next server, with SO_REUSEADDR", is: "EADDRINUSE") {
                try lab.listener("next", [.reuseAddress])
            }
        },
        Experiment(
            "restart-reuse-on-both",
            "With SO_REUSEADDR on the old and on the new server a restart works while TIME_WAIT lasts.",
            belief: "SO_REUSEADDR lets a server restart at once.", .isTrue, pages: ["reuse"],
            because: "Both have said that they share, and the remnant does not listen: that is all the kernel asks for."
        ) { lab in
            try lab.leaveTimeWait([.reuseAddress])
            try lab.expect("the next server", is: "OK") { try lab.listener("next", [.reuseAddress]) }
        },
        Experiment(
            "restart-beside-live-connections",
            "SO_REUSEADDR passes over every state that does not listen: even over connections that are still in use.",
            belief: "SO_REUSEADDR is about addresses in TIME_WAIT.", .onlyIf("every other state is added"),
            pages: ["reuse"],
            because: """
                The kernel's test is whether the other socket listens, not whether it is in TIME_WAIT. So a server that \
                closed its listener can be followed by the next one while its connections are being served.
                """
        ) { lab in
            let (listener, client, server) = try lab.connection([.reuseAddress])
            try lab.close(listener)
            try lab.expect("a server without the option", is: "EADDRINUSE") { try lab.listener("plain") }
            try lab.expect("a server with it", is: "OK") { try lab.listener("next", [.reuseAddress]) }
            try lab.send(server, "still here")
            lab.expect("the old client's recv", lab.receive(client).text, is: "still here")
        },
    ]

    /// What a close leaves when its end is slow: the peer is made deaf, as if the network had gone.
    static let remnants: [Experiment] = [
        remnant("FIN_WAIT1", "The server closed, and nobody has acknowledged its FIN.") { lab, client, server in
            try lab.deafen(client)
            try lab.close(server)
        },
        remnant("FIN_WAIT2", "The server closed, and its client has not.") { lab, client, server in
            try lab.close(server)
            _ = lab.receive(client)
        },
        remnant("CLOSE_WAIT", "The client closed, and the server has not.") { lab, client, server in
            try lab.shut(client)
            lab.expect("the server's recv", lab.receive(server), is: "end")
        },
        remnant("LAST_ACK", "Both closed, the client first, and nobody has acknowledged the server's FIN.") {
            lab, client, server in
            try lab.shut(client)
            lab.expect("the server's recv", lab.receive(server), is: "end")
            try lab.deafen(client)
            try lab.close(server)
        },
        remnant("CLOSING", "Both closed at once: the FINs crossed.") { lab, client, server in
            try lab.deafen(client)
            try lab.shut(server)
            try lab.shut(client)
        },
    ]

    private static func remnant(
        _ state: String, _ words: String,
        _ bring: @escaping @Sendable (_ lab: Stage, _ client: LabSocket, _ server: LabSocket) throws -> Void
    ) -> Experiment {
        let id = String(state.lowercased().map { $0 == "_" ? "-" : $0 })
        return Experiment(
            "remnant-\(id)", "A connection in \(state) holds the server's port, unless both sides have SO_REUSEADDR.",
            belief: "Only TIME_WAIT keeps a port occupied.", .isFalse, pages: ["reuse", "fin-wait"],
            because: """
                \(words) Every state of a connection holds its local address and port until the connection is over, and \
                is passed over by SO_REUSEADDR on both sides like any other that does not listen.
                """
        ) { lab in
            let (listener, client, server) = try lab.connection([.reuseAddress])
            try lab.close(listener)
            try bring(lab, client, server)
            try lab.expect(server, is: state)
            try lab.expect("a server without SO_REUSEADDR", is: "EADDRINUSE") { try lab.listener("plain") }
            try lab.expect("a server with it", is: "OK") { try lab.listener("next", [.reuseAddress]) }
        }
    }
}
