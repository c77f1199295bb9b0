/// Clients with a port of their own choice.
extension Ports {
    private static let belief =
        "A client that binds its port with SO_REUSEADDR may get a FIN as soon as it is connected."

    static let clients: [Experiment] = [
        Experiment(
            "client-port-still-connected",
            "A second connection between the same two ports is refused while the first one is.",
            .answered, pages: ["ephemeral-ports", "reuse"],
            because: """
                A connection is known by its two addresses and ports. SO_REUSEADDR lets the second client bind; it is the \
                connect that finds the place taken.
                """
        ) { lab in
            try lab.listener()
            try lab.connect("first", from: "127.0.0.1:40000", [.reuseAddress])
            try lab.expect("the second client's connect", is: "EADDRNOTAVAIL") {
                try lab.connect("second", from: "127.0.0.1:40000", [.reuseAddress])
            }
        },
        Experiment(
            "client-port-in-time-wait",
            "A client that binds its last port again connects at once over its own TIME_WAIT, thanks to timestamps.",
            belief: belief, .isFalse, pages: ["time-wait", "ephemeral-ports"],
            because: """
                Timestamps tell segments of the old connection from those of the new one (RFC 6191), so the kernel takes \
                the remnant's place. No FIN comes: the new connection simply works.
                """
        ) { lab in
            let (_, client, server) = try lab.connection(client: [.reuseAddress], from: "127.0.0.1:40000")
            try lab.close(client)
            lab.expect("the server's recv", lab.receive(server), is: "end")
            try lab.close(server)
            try lab.expect(client, is: "TIME_WAIT")
            let next = try lab.connect("next", from: "127.0.0.1:40000", [.reuseAddress])
            lab.expect("the next client's recv", lab.receive(next, within: .milliseconds(200)), is: "nothing")
            try lab.expect(next, is: "ESTABLISHED")
        },
        Experiment(
            "client-port-in-time-wait-without-timestamps",
            "Without timestamps a client cannot connect from a port that it left in TIME_WAIT.", .answered,
            pages: ["time-wait", "ephemeral-ports"],
            because: "Nothing would tell late segments of the old connection from those of the new one."
        ) { lab in
            try lab.set("net.ipv4.tcp_timestamps", to: 0)
            let (_, client, server) = try lab.connection(client: [.reuseAddress], from: "127.0.0.1:40000")
            try lab.close(client)
            _ = lab.receive(server)
            try lab.close(server)
            try lab.expect(client, is: "TIME_WAIT")
            try lab.expect("the next client's connect", is: "EADDRNOTAVAIL") {
                try lab.connect("next", from: "127.0.0.1:40000", [.reuseAddress])
            }
        },
        Experiment(
            "client-port-forgotten-by-the-client",
            "A server that still has the old connection answers the new one's SYN with an ACK, is reset, and then accepts.",
            belief: belief, .isFalse, pages: ["rst", "ephemeral-ports"],
            because: """
                The client's kernel has forgotten the old connection (here `ss -K` takes it away unseen by the server). The \
                server takes the SYN for a stray segment and says what it expects; the client's kernel knows nothing of \
                that and resets it; the SYN that follows finds the place free.
                """
        ) { lab in
            let (listener, client, server) = try lab.connection(client: [.reuseAddress], from: "127.0.0.1:40000")
            try lab.deafen(server)
            try lab.destroy(client)
            try lab.undeafen(server)
            let next = try lab.connect("next", from: "127.0.0.1:40000", [.reuseAddress])
            lab.expect("the old server's recv", lab.receive(server), is: "ECONNRESET")
            _ = try lab.accept(listener, "next server")
            lab.expect("the next client's recv", lab.receive(next, within: .milliseconds(200)), is: "nothing")
        },
        Experiment(
            "one-shot-server-says-goodbye",
            "A server that accepts once and exits sends a FIN to its client, whoever that is.",
            belief: belief, .isFalse, pages: ["half-close"],
            because: """
                That is what the second article's client met: its server ends right after accept. The option of the client \
                has nothing to do with it.
                """
        ) { lab in
            let (listener, client, server) = try lab.connection()
            try lab.close(server)
            try lab.close(listener)
            lab.expect("the recv of a client without any option", lab.receive(client), is: "end")
        },
        Experiment(
            "self-connect", "A client whose own port is the one it connects to is connected with itself.", .answered,
            pages: ["ephemeral-ports"],
            because: """
                Its SYN comes to the very socket that sent it, and TCP allows both sides to open at once. It happens to clients \
                that try a local server again and again while that is down, when the kernel gives them the server's port.
                """
        ) { lab in
            let client = try lab.connect("client", from: "127.0.0.1:12345")
            try lab.expect(client, is: "ESTABLISHED")
            try lab.send(client, "who is there?")
            lab.expect("its recv", lab.receive(client).text, is: "who is there?")
        },
    ]
}
