internal import BerthSystem

/// shutdown, and close after it.
extension Closing {
    static let halves = [
        Experiment(
            "shutdown-then-close-unread",
            "A close with unread input sends an RST also after a shutdown: the FIN first, the RST after it.",
            belief: "Once a socket was shut down, close does not send an RST any more.", .onlyIf("all input is read"),
            pages: ["rst", "half-close"],
            because: """
                shutdown ends a direction; close still looks for unread data. The peer sees the FIN and then an RST, which \
                takes away what the kernel has not delivered yet.
                """
        ) { lab in
            let (_, client, server) = try lab.connection()
            try lab.send(client, "request")
            try lab.expectSoon("what waits at the server", is: "7") { "\(try lab.unread(server))" }
            try lab.shut(server, .both)
            try lab.close(server)
            try lab.expectPackets(["client [S]", "server [S.]", "client [P.] 7", "server [F.]", "server [R.]"])
            // The end had been delivered; the RST after it turns the client's next call into an error.
            try lab.expect("the client's send", is: "EPIPE") { try lab.send(client, "more") }
        },
        Experiment(
            "shutdown-then-close-read",
            "shutdown, then reading to the end, then close: no RST, and nothing is lost.",
            belief: "Libraries call shutdown before close, so that the four-way end begins at once.", .isTrue,
            pages: ["half-close", "linger"],
            because: """
                The FIN tells the peer that there is no more to come. Reading to its FIN is the proof that it got \
                everything, and leaves nothing unread for close to find. This is what lingering close means.
                """
        ) { lab in
            let (_, client, server) = try lab.connection()
            try lab.send(client, "request")
            try lab.send(server, "reply")
            try lab.shut(server)
            lab.expect("the client's recv", lab.receive(client), is: "5 bytes")
            lab.expect("its next recv", lab.receive(client), is: "end")
            try lab.close(client)
            lab.expect("the server's recv", lab.receive(server), is: "7 bytes")
            lab.expect("its next recv", lab.receive(server), is: "end")
            try lab.close(server)
            try lab.expectCounter("Tcp.OutRsts", 0)
            try lab.expect(server, is: "TIME_WAIT")
        },
        Experiment(
            "shutdown-late-data-is-reset",
            "shutdown(SHUT_WR) and close without waiting: data that comes afterwards is answered by an RST.",
            belief: "shutdown before close is the cure.", .onlyIf("nothing arrives after the close"), pages: ["rst"],
            because: """
                The FIN of a shutdown and that of a close are the same. After close nobody reads, so what still comes is \
                refused with an RST, whatever was called before.
                """
        ) { lab in
            let (_, client, server) = try lab.connection()
            try lab.shut(server)
            try lab.close(server)
            try lab.expect(client, is: "CLOSE_WAIT")
            try lab.send(client, "the rest")
            try lab.expectPackets(["client [S]", "server [S.]", "server [F.]", "client [P.] 8", "server [R]"])
            try lab.expect("the client's next send", is: "EPIPE") { try lab.send(client, "hello?") }
        },
        Experiment(
            "shutdown-reading-is-silent",
            "shutdown(SHUT_RD) sends nothing, and what arrives afterwards is acknowledged and can still be read.",
            belief: "shutdown(SHUT_RD) does not send a FIN: only the end of writing does.", .isTrue,
            pages: ["half-close"],
            because: """
                TCP has no message for "I shall not read". On Linux the call only makes recv return 0 instead of waiting; \
                data that comes anyway is kept as always.
                """
        ) { lab in
            let (_, client, server) = try lab.connection()
            try lab.shut(client, .reading)
            lab.expect("the client's recv", lab.receive(client), is: "end")
            try lab.send(server, "still here")
            try lab.expectSoon("what waits at the client", is: "10") { "\(try lab.unread(client))" }
            try lab.expectSoon("what the server has not had acknowledged", is: "0") { "\(try lab.unsent(server))" }
            lab.expect("the client's next recv", lab.receive(client), is: "10 bytes")
            lab.expect("and the next", lab.receive(client), is: "end")
            try lab.expectPackets(["client [S]", "server [S.]", "server [P.] 10"])
        },
        Experiment(
            "shutdown-writing-ends-sends",
            "After its own shutdown(SHUT_WR) a send fails with EPIPE, and nothing more goes out.", .answered,
            pages: ["half-close"],
            because: """
                A FIN is the last number of its direction. The kernel refuses the send by itself; without MSG_NOSIGNAL it \
                also raises SIGPIPE (man 2 send).
                """
        ) { lab in
            let (_, client, server) = try lab.connection()
            try lab.shut(client)
            try lab.expect("the client's send", is: "EPIPE") { try lab.send(client, "more") }
            lab.expect("the server's recv", lab.receive(server), is: "end")
            try lab.expectPackets(["client [S]", "server [S.]", "client [F.]"])
        },
    ]

    static let afterBothHalves = [
        Experiment(
            "shutdown-both-resets-late-data",
            "After shutdown(SHUT_RDWR) the kernel answers arriving data with an RST, although the socket is open.",
            belief: "shutdown(SHUT_RDWR) and shutdown(SHUT_WR) are two ways to send the FIN.",
            .onlyIf("the peer has nothing more to say"), pages: ["half-close", "rst"],
            because: """
                With both directions shut, the socket is for the kernel as good as closed: data nobody may read is refused. \
                The own recv then says ECONNRESET. SHUT_WR alone keeps the connection readable.
                """
        ) { lab in
            let (_, client, server) = try lab.connection()
            try lab.shut(server, .both)
            lab.expect("the client's recv", lab.receive(client), is: "end")
            try lab.send(client, "the rest of the request")
            try lab.expectPackets(["client [S]", "server [S.]", "server [F.]", "client [P.] 23", "server [R]"])
            try lab.expect(server, is: "gone")
            try lab.expectCounter("TcpExt.TCPAbortOnData", 1)
        },
        Experiment(
            "shutdown-reaches-all-copies",
            "A shutdown ends the connection for every descriptor of the socket; a close only for its own.",
            belief: "shutdown before close makes sure that the FIN goes out.", .onlyIf("nothing is unsent"),
            pages: ["descriptors", "half-close"],
            because: """
                close(2) gives back one descriptor, shutdown(2) acts on the connection. It is the cure for a copy in a \
                child process or in another thread, and not for data that is unsent.
                """
        ) { lab in
            let (_, client, server) = try lab.connection()
            let copy = try lab.duplicate(server, "copy")
            try lab.close(server)
            lab.expect("the client's recv", lab.receive(client, within: .milliseconds(100)), is: "nothing")
            try lab.shut(copy)
            lab.expect("its recv after the shutdown", lab.receive(client), is: "end")
        },
    ]
}
