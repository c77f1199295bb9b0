internal import BerthFraming
internal import BerthSockets
internal import BerthSystem

/// Lines, and where they end.
extension Streams {
    static let lines = [
        Experiment(
            "reverse-session",
            "The article's session with its line-reversing server, byte for byte, on Berth's streams.",
            belief: "Without a newline the server waits, and two lines' worth of text comes back as one.", .isTrue,
            because: """
                The server reads lines: "1234567" without a newline is the beginning of one. The next send completes it, \
                so that the answer has fourteen digits. An empty line ends the session.
                """
        ) { lab in
            let (_, client, server) = try lab.connection()
            let session = try lab.background("the server") { () throws(Errno) in
                let stream = SocketStream(try server.takenByBerth())
                return reverse(stream)
            }
            lab.expect("the greeting", lab.receive(client).text, is: "hello,('127.0.0.1', PORT)")
            try lab.send(client, "1234567")
            lab.expect("the answer to 1234567", lab.receive(client, within: .milliseconds(100)), is: "nothing")
            try lab.send(client, "1234567\n")
            lab.expect("the answer to 1234567 and a newline", lab.receive(client).text, is: "76543217654321")
            try lab.send(client, "abcdefg\n")
            lab.expect("the answer to abcdefg and a newline", lab.receive(client).text, is: "gfedcba")
            try lab.send(client, "")
            try lab.send(client, "\n")
            lab.expect("the answer to an empty line", lab.receive(client), is: "end")
            try lab.close(client)
            lab.expect("the server", try session.value(), is: "ended")
        },
        Experiment(
            "blank-line-looks-like-end",
            "To the article's loop a line of blanks, an empty line and the end of the stream are the same.",
            belief: "if line == '': break ends at the end of the stream.", .onlyIf("no line is blank"),
            hasDiagram: false,
            because: """
                readline returns "" at the end and "\\n" for an empty line; strip makes both "". A client that sends a blank \
                line is taken to have left, and its next lines are lost. In Berth the end is nil and an empty line is "".
                """
        ) { lab in
            for (text, port) in [("  \nmore\n", 12345), ("\nmore\n", 12346)] {
                let (_, client, server) = try lab.connection(on: "127.0.0.1:\(port)")
                try lab.send(client, text)
                var file = ArticleFile { count in try server.receive(count) }
                let line = try file.readLine().filter { !$0.isWhitespace }
                lab.expect("what the article's loop does", line == "" ? "it ends" : "it goes on", is: "it ends")
                lab.expect("what it never reads", String(decoding: file.buffer, as: UTF8.self), is: "more\n")
            }
            let (_, client, server) = try lab.connection(on: "127.0.0.1:12347")
            try lab.send(client, "\nmore")
            try lab.close(client)
            let stream = SocketStream(try server.takenByBerth())
            for line in ["\"\"", "\"more\"", "end"] {
                lab.expect("Berth's next line", outcome { try stream.readLine() }, is: line)
            }
            stream.close()
        },
        Experiment(
            "line-endings",
            "Berth ends lines at LF and at CRLF; a lone CR is part of the line, which Python's text mode splits.",
            .answered, hasDiagram: false,
            because: """
                makefile() in text mode has universal newlines: a CR in the middle of a line ends it, and two readers of \
                one protocol see different lines. That is how requests are smuggled. HTTP's lines end with CRLF, and a \
                receiver may take a lone LF (RFC 9112, section 2.2), but never a lone CR.
                """
        ) { lab in
            let (_, client, server) = try lab.connection()
            try lab.send(client, "one\r\ntwo\nthr\ree\n")
            try lab.close(client)
            let stream = SocketStream(try server.takenByBerth())
            for line in ["\"one\"", "\"two\"", "\"thr\ree\"", "end"] {
                lab.expect("Berth's next line", outcome { try stream.readLine() }, is: line)
            }
            stream.close()
        },
        Experiment(
            "line-invalid-text",
            "A line that is no UTF-8 is an error for that connection, with the offset; the article's server dies of it.",
            .answered, hasDiagram: false,
            because: """
                Text mode decodes what arrives and raises UnicodeDecodeError out of the only loop there is. A stranger's \
                byte ends the service. In Berth it ends one connection, with a counted reason.
                """
        ) { lab in
            let (_, client, server) = try lab.connection()
            try lab.send(client, bytes: [UInt8(ascii: "a"), 0xff, UInt8(ascii: "\n")])
            let stream = SocketStream(try server.takenByBerth())
            stream.readDeadline = .after(.seconds(20))
            let said = outcome { try stream.readLine() }
            lab.expect(
                "Berth's line", String(said.prefix { $0 != ";" }), is: "the frame is not valid UTF-8 at offset 1")
            stream.close()
        },
        Experiment(
            "line-without-end",
            "A line that never ends is refused at a limit, before it fills the memory.", .answered, hasDiagram: false,
            because: """
                readline of a file reads until a newline comes, however long that takes and however much it is. Berth's \
                lines have at most 64 KiB unless said otherwise.
                """
        ) { lab in
            let (_, client, server) = try lab.connection()
            let stream = SocketStream(try server.takenByBerth())
            stream.maximumLine = .bytes(1000)
            stream.readDeadline = .after(.seconds(20))
            try lab.send(client, count: 2000)
            lab.expect(
                "Berth's line", outcome { try stream.readLine() },
                is: "the peer sent a line that is longer than 1,000 bytes, the limit that maximumLine sets")
            stream.close()
        },
    ]

    /// The article's server.
    private static func reverse(_ stream: SocketStream) -> String {
        do throws(StreamError) {
            try stream.write("hello,('127.0.0.1', PORT)")
            while let line = try stream.readLine(), !line.isEmpty { try stream.write(String(line.reversed())) }
            try stream.finish()
            return "ended"
        } catch { return "\(error)" }
    }
}
