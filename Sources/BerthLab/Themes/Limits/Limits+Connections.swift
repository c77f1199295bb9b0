internal import BerthSockets
internal import BerthSystem

/// How many connections there can be.
extension Limits {
    static let connections = [
        Experiment(
            "accepted-connections-take-no-port",
            "All connections of a server have the server's own port: accepting takes none.",
            belief: "65,535 ports are not the limit of a server's connections.", .isTrue, pages: ["ephemeral-ports"],
            hasDiagram: false,
            because: """
                A connection is known by both addresses and both ports (RFC 9293, section 3.3.1). The server's end has \
                the same address and port each time; the clients' ends differ. Descriptors and memory are the limits.
                """
        ) { lab in
            let listener = try lab.listener()
            let names = try lab.untold {
                try (1...200).map { number in
                    try lab.connect("client \(number)")
                    return try lab.localAddress(try lab.accept(listener, "server \(number)"))
                }
            }
            lab.expect("different names of 200 accepted sockets", Set(names).count, in: 1...1)
            lab.expect("their name", names[0], is: "127.0.0.1:12345")
        },
        Experiment(
            "more-than-65535-connections",
            "One port of one address has more than 65,535 connections at the same time.",
            belief: "65,535 ports are not the limit of a server's connections.", .isTrue, kind: .slow,
            pages: ["ephemeral-ports"], hasDiagram: false,
            because: """
                Here 72,000 clients from eight addresses, in eight processes because of the limit of descriptors, are \
                connected to 127.0.0.1:12345 and accepted. Each connection takes some kilobytes for both its ends.
                """,
            parts: [
                "crowd": { part in
                    try? Kernel.raiseDescriptorLimit()
                    let source = try part.hear()
                    for _ in 0..<9000 {
                        let client = try Part.connect(from: source)
                        let server = try part.sockets[0].accept()
                        // Open until the process ends: nothing else closes them.
                        _ = (client, server)
                    }
                    try part.say("connected")
                    _ = try part.hear()
                }
            ]
        ) { lab in
            let listener = try lab.listener("listener", backlog: 4096)
            let crowds = try (1...8).map { number in
                let crowd = try lab.process("crowd \(number)", "crowd", inheriting: [listener])
                try crowd.tell("127.0.0.\(number + 1):0")
                return crowd
            }
            for crowd in crowds {
                lab.expect(
                    "what \(crowd.name) says", try crowd.hear(within: .seconds(300)) ?? "nothing", is: "connected")
            }
            let states = try lab.states()
            lab.expect("connections of 127.0.0.1:12345", states.count { $0 == "ESTABLISHED" }, in: 72_000...72_000)
        },
        Experiment(
            "accepted-name-of-wildcard",
            "The name of an accepted socket is the address that the client used, not the wildcard that the server bound.",
            belief: "getsockname of an accepted socket always returns the address that the server has bound.",
            .onlyIf("that is no wildcard"),
            because: """
                A wildcard stands for every address of the machine; a connection has one of them. Only a listener that is \
                bound to a concrete address gives its own name to all of its connections.
                """
        ) { lab in
            let listener = try lab.listener("listener", on: "0.0.0.0:12345")
            lab.expect("the listener's name", try lab.localAddress(listener), is: "0.0.0.0:12345")
            for address in ["127.0.0.1:12345", "127.0.0.5:12345"] {
                try lab.connect("client of \(address)", to: address)
                let server = try lab.accept(listener)
                lab.expect("the accepted socket's name", try lab.localAddress(server), is: address)
            }
        },
        Experiment(
            "client-ports-run-out",
            "A client has the whole range of ports for each destination, and with bind to port 0 only once for all of them.",
            belief: "A client has at most some 28,000 connections.", .onlyIf("they all go to one address and port"),
            pages: ["ephemeral-ports"],
            because: """
                A connection is told by both addresses, so that connect(2) may use a port again that leads elsewhere. \
                bind(2) to port 0 comes before the destination is known, and takes a port that nobody has. With \
                IP_BIND_ADDRESS_NO_PORT the choice waits for connect; Berth's `connect(from:)` sets it.
                """
        ) { lab in
            try lab.set("net.ipv4.ip_local_port_range", to: "40000 40003")
            for port in [80, 81, 82] { try lab.listener("server \(port)", on: "127.0.0.1:\(port)") }
            for port in [80, 81] {
                for number in 1...4 { try lab.connect("client \(number) of \(port)", to: "127.0.0.1:\(port)") }
                try lab.expect("the fifth connect to \(port)", is: "EADDRNOTAVAIL") {
                    try lab.connect("fifth", to: "127.0.0.1:\(port)")
                }
            }
            try lab.expect("a bind to port 0, to connect elsewhere", is: "EADDRINUSE") {
                try lab.connect("bound", to: "127.0.0.1:82", from: "127.0.0.1:0")
            }
            try lab.expect("the same with IP_BIND_ADDRESS_NO_PORT", is: "OK") {
                try lab.connect("bound later", to: "127.0.0.1:82", from: "127.0.0.1:0", [.bindAddressWithoutPort])
            }
        },
        Experiment(
            "self-connect-by-chance",
            "A client that tries to reach a local server that is down may meet itself; Berth's connect counts that as refused.",
            .answered, pages: ["ephemeral-ports"],
            because: """
                When the server's port lies in net.ipv4.ip_local_port_range, the kernel may choose it as the client's own. \
                Here the range has this one port, so that it happens at once; else it is one try of some ten thousand. \
                The server that comes back then cannot bind: the client holds its port. Berth looks for its own address at \
                the other end, and resets such a connection.
                """
        ) { lab in
            try lab.set("net.ipv4.ip_local_port_range", to: "40000 40000")
            let client = try lab.connect("client", to: "127.0.0.1:40000")
            try lab.send(client, "hello?")
            lab.expect("what it receives", lab.receive(client).text, is: "hello?")
            try lab.expect("the bind of the server that comes back", is: "EADDRINUSE") {
                try lab.listener("server", on: "127.0.0.1:40000", [.reuseAddress])
            }
            try lab.reset(client)
            let outcome: String
            do throws(SocketError) {
                try TCPSocket.connect(to: Endpoint("127.0.0.1:40000")).close()
                outcome = "OK"
            } catch { outcome = error.errno?.name ?? "\(error)" }
            lab.expect("Berth's connect", outcome, is: "ECONNREFUSED")
            try lab.expect("the bind after it", is: "OK") { try lab.listener("server", on: "127.0.0.1:40000") }
        },
    ]
}
