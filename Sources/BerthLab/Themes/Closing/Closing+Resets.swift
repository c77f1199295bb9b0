internal import BerthSockets
internal import BerthSystem

/// Resets on purpose, and what they do.
extension Closing {
    static let resets = [
        Experiment(
            "rst-linger-zero",
            "SO_LINGER {1, 0} makes close send an RST, which nobody acknowledges and after which neither side has "
                + "anything left.",
            belief: "An RST is not acknowledged, and after it the peer does not go to TIME_WAIT.", .isTrue,
            pages: ["linger", "rst"],
            because: """
                With a linger time of zero the kernel drops the connection instead of finishing it (man 7 socket). An RST \
                is never answered (RFC 9293, section 3.5.2), and whoever gets one forgets the connection at once.
                """
        ) { lab in
            let (_, client, server) = try lab.connection()
            try lab.reset(server)
            lab.expect("the client's recv", lab.receive(client), is: "ECONNRESET")
            try lab.settle()
            lab.expect(
                "the last packet of all", try lab.packets(acknowledgements: true).last ?? "none", is: "server [R.]")
            try lab.expect(client, is: "gone")
            try lab.expect(server, is: "gone")
        },
        Experiment(
            "rst-discards-unsent",
            "An RST throws away what was not sent yet; what had arrived at the peer can still be read there.",
            belief: "A close by RST does not wait for the buffer: what is in it is lost.", .isTrue,
            pages: ["linger", "rst"], hasDiagram: false,
            because: """
                The sender's buffer goes with the connection. The receiver's buffer stays: recv gives what is in it, and \
                then says ECONNRESET, once.
                """
        ) { lab in
            let (_, client, server) = try lab.connection()
            let taken = try lab.send(server, count: 16 << 20)
            try lab.settle()
            try lab.reset(server)
            let (count, end) = lab.drain(client)
            lab.figure("bytes that the server's send took", taken)
            lab.figure("bytes that the client got", count)
            lab.expect("how much of it the client got", Self.share(count, of: taken), is: "a part")
            lab.expect("then", end, is: "ECONNRESET")
            lab.expect("its next recv", lab.receive(client), is: "end")
        },
        Experiment(
            "rst-reaches-all-copies",
            "Berth's abort resets the connection at once, also when another process or a duplicate holds the socket.",
            .answered, pages: ["linger"],
            because: """
                SO_LINGER {1, 0} acts at the close of the last descriptor only. abort() therefore disconnects with \
                connect(2) to AF_UNSPEC, which ends the connection itself (man 2 connect), and closes after that.
                """
        ) { lab in
            let (_, client, server) = try lab.connection()
            let copy = try lab.duplicate(server, "copy")
            try lab.step(.server, "Berth: server.abort()") { () throws(Errno) in try server.takenByBerth().abort() }
            lab.expect("the client's recv", lab.receive(client), is: "ECONNRESET")
            try lab.expect("a send on the copy", is: "ECONNRESET") { try lab.send(copy, "hello?") }
        },
        Experiment(
            "rst-once-then-end",
            "The error of an RST is told once: the next recv says that the stream has ended.",
            .answered, pages: ["rst"],
            because: """
                The kernel keeps one pending error for a socket and hands it to the first call that asks. Afterwards the \
                socket is simply closed, for which recv returns 0: exactly what a polite end looks like.
                """
        ) { lab in
            let (_, client, server) = try lab.connection()
            try lab.reset(server)
            try lab.expect(client, is: "gone")
            lab.expect("the client's recv", lab.receive(client), is: "ECONNRESET")
            lab.expect("its next recv", lab.receive(client), is: "end")
            try lab.expect("its send", is: "EPIPE") { try lab.send(client, "hello?") }
        },
        Experiment(
            "truncated-reply-looks-whole",
            "A client whose own send takes the error of the RST then reads a clean end: half a reply looks like a whole "
                + "one.",
            .answered, pages: ["rst"],
            because: """
                The pending error is given to whichever call comes first. A client that sends its next request before it \
                has read the whole reply loses the only sign that the reply was cut. A length before the message, or a \
                mark after it, does not depend on that sign: Berth's framings say "the stream ended within a frame".
                """
        ) { lab in
            let (_, client, server) = try lab.connection()
            try lab.send(client, "request")
            try lab.expectSoon("what waits at the server", is: "7") { "\(try lab.unread(server))" }
            try lab.send(server, "half a re")
            try lab.close(server)
            try lab.expect(client, is: "gone")
            lab.expect("the client's recv", lab.receive(client, 9), is: "9 bytes")
            try lab.expect("its send of the next request", is: "ECONNRESET") { try lab.send(client, "next") }
            lab.expect("its next recv", lab.receive(client), is: "end")
        },
    ]

    /// How much of something arrived.
    static func share(_ count: Int, of whole: Int) -> String {
        switch count {
        case whole: "all"
        case 0: "nothing"
        case ..<whole: "a part"
        default: "more than all"
        }
    }
}
