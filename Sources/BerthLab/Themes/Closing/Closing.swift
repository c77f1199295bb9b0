/// Closing, RST and lost tails.
enum Closing {
    static let all: [Experiment] = [
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
        }
    ]
}
