/// A stream has no messages.
extension Streams {
    static let boundaries = [
        Experiment(
            "stream-joins-sends",
            "What three sends sent is received by one recv.",
            belief: "recv returns what the peer's send sent.", .isFalse, pages: ["nagle"],
            because: """
                TCP carries bytes in order and nothing about calls (RFC 9293, section 3.9.1). What has arrived when recv \
                is called comes together. The article's server would answer "Hello, onetwothree!".
                """
        ) { lab in
            let (_, client, server) = try lab.connection()
            for word in ["one", "two", "three"] { try lab.send(client, word) }
            try lab.expectSoon("what waits at the server", is: "11") { "\(try lab.unread(server))" }
            lab.expect("one recv", lab.receive(server, 1024).text, is: "onetwothree")
        },
        Experiment(
            "stream-splits-sends",
            "What one send sent is received in as many pieces as it takes.",
            belief: "recv(1024) receives a message.", .onlyIf("it is short, alone and lucky"), hasDiagram: false,
            because: """
                recv gives at most as much as it is asked for, and not more than what has arrived. A message of 3,000 bytes \
                takes three calls here; over a network the pieces are those of the packets.
                """
        ) { lab in
            let (_, client, server) = try lab.connection()
            try lab.send(client, count: 3000)
            try lab.expectSoon("what waits at the server", is: "3000") { "\(try lab.unread(server))" }
            let pieces = (1...3).map { _ in lab.receive(server, 1024).description }
            lab.expect("three recv(1024)", pieces.joined(separator: ", "), is: "1024 bytes, 1024 bytes, 952 bytes")
        },
        Experiment(
            "stream-request-until-end",
            "The end of the client's writing can be the end of its message: the simplest framing of all.",
            .answered, pages: ["half-close"],
            because: """
                A client that has only one request shuts its writing down after it. The server reads to the end and \
                answers over the other direction. It cannot tell a whole request from one that was cut by a crash, \
                because the FIN is the same.
                """
        ) { lab in
            let (_, client, server) = try lab.connection()
            for word in ["a ", "long ", "request"] { try lab.send(client, word) }
            try lab.shut(client)
            let (count, end) = lab.drain(server)
            lab.expect("bytes until the end", count, in: 14...14)
            lab.expect("then", end, is: "end")
            try lab.send(server, "answer")
            lab.expect("the client's recv", lab.receive(client).text, is: "answer")
        },
        Experiment(
            "stream-empty-send",
            "Sending nothing sends nothing: there is no empty message.",
            belief: "sendall(b'') tells the peer something.", .isFalse,
            because: """
                No bytes make no segment. In the article's session an empty send has no effect, and the newline after it \
                is what ends the conversation. recv returns nothing at the end of the stream only.
                """
        ) { lab in
            let (_, client, server) = try lab.connection()
            try lab.send(client, "")
            lab.expect("the server's recv", lab.receive(server, within: .milliseconds(100)), is: "nothing")
            try lab.expectPackets(["client [S]", "server [S.]"])
        },
    ]
}
