internal import BerthSockets
internal import BerthSystem

/// What is written, and when it goes out.
extension Streams {
    static let writing = [
        Experiment(
            "write-needs-flush",
            "What is written to a buffered stream goes out with a flush, or when the stream is about to wait.",
            belief: "A buffered write file needs flush to send.", .isTrue,
            because: """
                A buffer gathers small writes into one send. Python's needs an explicit flush, also with makefile("w", 1), \
                and a program that forgets it waits for the answer to a question that was never sent. Berth sends what was \
                written before a read waits.
                """
        ) { lab in
            let (_, client, server) = try lab.connection()
            let stream = SocketStream(try client.takenByBerth())
            try lab.berth("write(\"question\")", on: .client) { try stream.write("question") }
            lab.expect("the server's recv", lab.receive(server, within: .milliseconds(100)), is: "nothing")
            try lab.berth("flush()", on: .client) { try stream.flush() }
            lab.expect("its recv after the flush", lab.receive(server), is: "8 bytes")
            try lab.berth("write(\"another\")", on: .client) { try stream.write("another") }
            stream.readDeadline = .after(.milliseconds(1))
            _ = outcome { try stream.readLine() }
            lab.note("Berth: readLine(), until a deadline")
            lab.expect("its recv when the client waits for an answer", lab.receive(server), is: "7 bytes")
            stream.close()
        },
        Experiment(
            "writes-are-gathered",
            "Three small writes to a stream of Berth's are one segment.", .answered, pages: ["nagle"],
            because: """
                With TCP_NODELAY every send is a segment, and without it two small ones may wait for each other. Gathering \
                them in the program has neither disadvantage.
                """
        ) { lab in
            let (_, client, server) = try lab.connection()
            let stream = SocketStream(try client.takenByBerth())
            try lab.berth("three writes and a flush", on: .client) {
                for word in ["one", "two", "three"] { try stream.write(word) }
                try stream.flush()
            }
            lab.expect("the server's recv", lab.receive(server).text, is: "onetwothree")
            try lab.expectPackets(["client [S]", "server [S.]", "client [P.] 11"])
            stream.close()
        },
    ]
}
