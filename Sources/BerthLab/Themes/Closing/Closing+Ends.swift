/// What a plain close sends.
extension Closing {
    static let ends = [
        Experiment(
            "close-idle-connection",
            "A connection over which nothing was ever sent is closed with a FIN.",
            belief: "A socket that is closed right after its connection was made, without any traffic, sends an RST.",
            .isFalse, pages: ["rst"],
            because: """
                close(2) sends a FIN when nothing in the receive buffer is unread (RFC 9293, section 3.6). A connection \
                without any traffic has nothing unread. What the article saw had another cause, which the experiment \
                rst-unread-data shows.
                """
        ) { lab in
            let (_, client, server) = try lab.connection()
            try lab.close(client)
            lab.expect("the server's recv", lab.receive(server), is: "end")
            try lab.close(server)
            try lab.expectPackets(["client [S]", "server [S.]", "client [F.]", "server [F.]"])
            try lab.expect(client, is: "TIME_WAIT")
            try lab.expectCounter("Tcp.OutRsts", 0)
        },
        Experiment(
            "close-sends-fin-at-once",
            "A plain close sends its FIN before it returns, when nothing is unsent and nobody else holds the socket.",
            belief: "Most of the time close does not send a FIN: the protocol stack goes on working underneath.",
            .onlyIf("something else holds the socket, or data is unsent"), pages: ["close-wait", "half-close"],
            because: """
                The close of a socket's last descriptor begins its end at once. No FIN comes as long as another descriptor \
                of it is open, in this or in another process, as long as a thread waits in a call on it, and while data \
                before it is unsent: each has an experiment here.
                """
        ) { lab in
            let (_, client, server) = try lab.connection()
            try lab.send(client, "question")
            lab.expect("the server's recv", lab.receive(server), is: "8 bytes")
            try lab.send(server, "answer")
            lab.expect("the client's recv", lab.receive(client), is: "6 bytes")
            try lab.close(server)
            lab.expect(
                "the last packet when close has returned", try lab.packets().last ?? "none", is: "server [F.]")
            lab.expect("the client's recv", lab.receive(client), is: "end")
        },
        Experiment(
            "fin-only-says-no-more-data",
            "A client that has shut its writing down can still receive: the server reads to the end, and then answers.",
            .answered, pages: ["half-close"],
            because: """
                A FIN ends one direction (RFC 9293, section 3.6). A client may end its request with it, and the server \
                may answer as long as it likes. A server that takes the end of its input for the end of the connection \
                loses that answer.
                """
        ) { lab in
            let (_, client, server) = try lab.connection()
            try lab.send(client, "request")
            try lab.shut(client)
            lab.expect("the server's recv", lab.receive(server), is: "7 bytes")
            lab.expect("its next recv", lab.receive(server), is: "end")
            try lab.send(server, "answer")
            try lab.close(server)
            lab.expect("the client's recv", lab.receive(client), is: "6 bytes")
            lab.expect("its next recv", lab.receive(client), is: "end")
        },
    ]
}
