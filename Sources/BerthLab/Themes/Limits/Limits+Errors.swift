internal import BerthSystem

/// What send says, in which order.
extension Limits {
    static let errors = [
        Experiment(
            "send-after-peer-closed",
            "After the peer has closed, the first send works, the second says EPIPE, and recv only ever says that the "
                + "stream has ended.",
            belief: "send returns an error when the peer has closed.", .onlyIf("it is not the first one"),
            pages: ["rst", "B016"],
            because: """
                A FIN says that the peer sends no more; it does not say that it reads no more. Only the RST that answers \
                the first send tells the kernel, and it tells the program at the second. A send that worked says nothing \
                about the peer.
                """
        ) { lab in
            let (_, client, server) = try lab.connection()
            try lab.close(client)
            lab.expect("the server's recv", lab.receive(server), is: "end")
            try lab.expect("its first send", is: "OK") { try lab.send(server, "hello?") }
            try lab.expect(server, is: "gone")
            try lab.expect("its second send", is: "EPIPE") { try lab.send(server, "hello?") }
            lab.expect("its recv after that", lab.receive(server), is: "end")
        },
        Experiment(
            "send-after-reset",
            "After a reset the first call says ECONNRESET, and every send after it EPIPE.", .answered, pages: ["rst"],
            because: """
                The pending error goes to whoever calls first. After it the socket is closed for writing, which is EPIPE, \
                and at its end for reading.
                """
        ) { lab in
            let (_, client, server) = try lab.connection()
            try lab.reset(client)
            try lab.expect(server, is: "gone")
            try lab.expect("the server's first send", is: "ECONNRESET") { try lab.send(server, "hello?") }
            try lab.expect("its second send", is: "EPIPE") { try lab.send(server, "hello?") }
            lab.expect("its recv", lab.receive(server), is: "end")
        },
        Experiment(
            "send-kills-by-sigpipe",
            "A plain write to a connection that is gone ends the process with SIGPIPE.",
            belief: "An error of send is something that the program can look at.",
            .onlyIf("SIGPIPE is ignored or MSG_NOSIGNAL is given"), pages: ["B016"],
            because: """
                EPIPE comes with a signal whose default is to end the process (man 2 send, man 7 signal). Python ignores \
                SIGPIPE at its start, which is why nobody meets it there; in C, and in a Swift program, it kills. Berth \
                gives MSG_NOSIGNAL with every send.
                """,
            parts: [
                "writer": { part in
                    let number = part.sockets[0].descriptor
                    _ = try part.hear()
                    for _ in 1...2 {
                        try Array("hello?".utf8).withUnsafeBytes { try unsafe Kernel.writeAll(number, $0) }
                        try part.say("written")
                        _ = try part.hear()
                    }
                    try part.say("survived")
                }
            ]
        ) { lab in
            let (_, client, server) = try lab.connection()
            let writer = try lab.process("writer", "writer", inheriting: [server])
            try lab.close(server)
            try lab.close(client)
            try writer.tell()
            lab.expect("after the first write", try writer.hear() ?? "nothing", is: "written")
            try lab.expect(server, is: "gone")
            try writer.tell()
            lab.expect("after the second write", try writer.hear() ?? "nothing", is: "nothing")
            lab.expect("the writer", "\(try writer.waitForEnd())", is: "was ended by SIGPIPE")
        },
        Experiment(
            "connect-refused",
            "A connect to a port where nobody listens is refused at once, by an RST.", .answered, pages: ["rst"],
            because: """
                The kernel answers a SYN for a closed port with an RST (RFC 9293, section 3.10.7.1). It is the only sign \
                that nobody is there; a full accept queue and a firewall that drops give no answer at all.
                """
        ) { lab in
            try lab.expect("the connect", is: "ECONNREFUSED") { try lab.connect() }
            try lab.expectPackets(["client [S]", "server [R.]"])
            try lab.expectCounter("Tcp.AttemptFails", 1)
        },
    ]
}
