internal import BerthSystem

/// The RST of a close with unread input.
extension Closing {
    static let unread = [
        Experiment(
            "rst-unread-data",
            "A client that closes with data it has not read sends an RST: the article's own capture, packet for packet.",
            belief: "A connection that is closed without having sent or received anything sends an RST.", .isFalse,
            pages: ["rst", "linger"],
            because: """
                close(2) looks into the receive buffer. What lies there unread is lost with the close, and the peer must \
                not believe that it was taken: the kernel says so with an RST (RFC 2525, section 2.17). In the article's \
                capture the client had got eight bytes and read none of them.
                """
        ) { lab in
            let (_, client, server) = try lab.connection()
            try lab.send(server, "Welcome!")
            try lab.expectSoon("what waits at the client", is: "8") { "\(try lab.unread(client))" }
            try lab.close(client)
            try lab.expectPackets(["client [S]", "server [S.]", "server [P.] 8", "client [R.]"])
            let last = try lab.segments().last
            lab.expect(
                "the numbers of the RST", "seq \(last?.sequence ?? 0) ack \(last?.acknowledgement ?? 0)",
                is: "seq 1 ack 9")
            lab.expect("the server's recv", lab.receive(server), is: "ECONNRESET")
            try lab.expectLeft([])
            try lab.expectCounter("TcpExt.TCPAbortOnClose", 1)
        },
        Experiment(
            "close-after-reading-all",
            "The same client closes with a FIN when it has read the eight bytes.", .answered, pages: ["rst"],
            because: """
                Nothing is unread, so nothing is lost with the close. This is the whole difference to the article's capture.
                """
        ) { lab in
            let (_, client, server) = try lab.connection()
            try lab.send(server, "Welcome!")
            lab.expect("the client's recv", lab.receive(client), is: "8 bytes")
            try lab.close(client)
            lab.expect("the server's recv", lab.receive(server), is: "end")
            try lab.expectPackets(["client [S]", "server [S.]", "server [P.] 8", "client [F.]"])
        },
        Experiment(
            "rst-one-byte-unread",
            "A single unread byte makes a close an RST.", .answered, pages: ["rst"],
            because: """
                The kernel does not ask how much is unread. A reader that knows the length of its message and stops before \
                the newline after it resets the connection.
                """
        ) { lab in
            let (_, client, server) = try lab.connection()
            try lab.send(server, "Welcome!")
            lab.expect("the client's recv of at most 7", lab.receive(client, 7), is: "7 bytes")
            try lab.close(client)
            lab.expect("the server's recv", lab.receive(server), is: "ECONNRESET")
            try lab.expectCounter("TcpExt.TCPAbortOnClose", 1)
        },
        Experiment(
            "rst-peek-is-not-reading",
            "What was only looked at with MSG_PEEK is unread: the close is an RST.", .answered, pages: ["rst"],
            because: """
                MSG_PEEK leaves the data in the receive buffer (man 2 recv), where close finds it.
                """
        ) { lab in
            let (_, client, server) = try lab.connection()
            try lab.send(server, "Welcome!")
            lab.expect("the client's look", lab.receive(client, flags: .peek), is: "8 bytes")
            try lab.close(client)
            lab.expect("the server's recv", lab.receive(server), is: "ECONNRESET")
        },
        Experiment(
            "rst-fin-unread-is-fine",
            "An end that was not read is not unread data: the close after it sends a FIN.", .answered, pages: ["rst"],
            because: """
                A FIN takes a number of the sequence but no byte of the receive buffer. A server may close without having \
                called recv once more to see the end.
                """
        ) { lab in
            let (_, client, server) = try lab.connection()
            try lab.send(client, "bye")
            lab.expect("the server's recv", lab.receive(server), is: "3 bytes")
            try lab.close(client)
            try lab.expect(server, is: "CLOSE_WAIT")
            try lab.close(server)
            try lab.expectPackets(["client [S]", "server [S.]", "client [P.] 3", "client [F.]", "server [F.]"])
            try lab.expectCounter("Tcp.OutRsts", 0)
        },
        Experiment(
            "rst-late-data",
            "Data that arrives after the close is answered by an RST, although the close itself sent a FIN.",
            belief: "A close is either polite or an RST.", .isFalse, pages: ["rst"],
            because: """
                After close(2) nobody can read any more, so the kernel refuses what still comes (RFC 1122, section \
                4.2.2.13). The peer's first send works, because its kernel does not know yet; the RST is the answer to it.
                """
        ) { lab in
            let (_, client, server) = try lab.connection()
            try lab.close(server)
            try lab.expect(client, is: "CLOSE_WAIT")
            try lab.expect("the client's send", is: "OK") { try lab.send(client, "one more thing") }
            try lab.expectPackets([
                "client [S]", "server [S.]", "server [F.]", "client [P.] 14", "server [R]",
            ])
            try lab.expect("its next send", is: "EPIPE") { try lab.send(client, "hello?") }
        },
    ]
}
