internal import BerthFraming
internal import BerthSockets
internal import BerthSystem

/// Lines and bytes from one stream: who has the buffer.
extension Streams {
    private static let head = "length 5\n"

    static let buffers = [
        Experiment(
            "readline-then-recv",
            "recv on the socket misses what a buffered readline has read too far.",
            belief: "After readline on a buffered file, recv returns incomplete data.", .isTrue,
            because: """
                readline receives as much as its buffer holds, 8,192 bytes, and gives out one line. The rest is in the \
                file object, where recv on the socket does not look: it waits for ever. In Berth lines, frames, exact \
                counts and raw reads take from the one buffer of the stream.
                """
        ) { lab in
            let (_, client, server) = try lab.connection()
            try lab.send(client, head + "hello")
            var file = ArticleFile { count in lab.receive(server, count).bytes }
            lab.expect("the article's readline", try file.readLine(), is: head)
            lab.expect("recv on the socket", lab.receive(server, 5, within: .milliseconds(100)), is: "nothing")
            lab.expect("what lies in the file's buffer", String(decoding: file.buffer, as: UTF8.self), is: "hello")

            let (_, other, receiver) = try lab.connection(on: "127.0.0.1:12346")
            try lab.send(other, head + "hello")
            let stream = SocketStream(try receiver.takenByBerth())
            stream.readDeadline = .after(.seconds(20))
            lab.expect("Berth's line", outcome { try stream.readLine() }, is: "\"length 5\"")
            lab.expect(
                "and five bytes after it", outcome { String(decoding: try stream.readExactly(5), as: UTF8.self) },
                is: "\"hello\"")
            stream.close()
        },
        Experiment(
            "readline-trap-hides",
            "The same mistake works when the body comes a moment after the line: in every test, and not under load.",
            .answered,
            because: """
                Nothing is read too far when nothing more is there yet. Over a fast network, or when the client writes \
                both with one call, the body is lost.
                """
        ) { lab in
            let (_, client, server) = try lab.connection()
            try lab.send(client, head)
            var file = ArticleFile { count in lab.receive(server, count).bytes }
            lab.expect("the article's readline", try file.readLine(), is: head)
            try lab.send(client, "hello")
            lab.expect("recv on the socket", lab.receive(server, 5).text, is: "hello")
        },
        Experiment(
            "readline-unbuffered",
            "Without a buffer readline asks the kernel once for every byte.",
            belief: "So use makefile with buffering=0.", .onlyIf("a system call for each byte is affordable"),
            hasDiagram: false,
            because: """
                The only way not to read too far without a buffer is to read one byte at a time: a thousand calls for a \
                line of a thousand bytes, against one. It is right, and slow; a buffer that all readers share is both \
                right and fast.
                """
        ) { lab in
            let line = String(repeating: "x", count: 999) + "\n"
            for (isBuffered, port, calls) in [(true, 12345, 1), (false, 12346, 1000)] {
                let (_, client, server) = try lab.connection(on: "127.0.0.1:\(port)")
                try lab.send(client, line)
                var file = ArticleFile(isBuffered: isBuffered) { count in try server.receive(count) }
                lab.expect(
                    "whether the line is whole", try file.readLine() == line ? "yes" : "no", is: "yes")
                lab.expect("calls of recv, buffered: \(isBuffered)", file.calls, in: calls...calls)
            }
        },
        Experiment(
            "readline-timeout-loses-line",
            "A timeout within a line loses the beginning of the line; Berth keeps it.",
            .answered,
            because: """
                What readline has collected is gone with its exception, and Python's file object then refuses every \
                further read: "cannot read from timed out object". Berth's read can be repeated with a new deadline.
                """
        ) { lab in
            let (_, client, server) = try lab.connection()
            var file = ArticleFile { count in
                let received = lab.receive(server, count, within: .milliseconds(50))
                if received == .nothing { throw ArticleFraming.Failure.timeout }
                return received.bytes
            }
            try lab.send(client, "first half, ")
            lab.expect("the article's readline", outcome { try file.readLine() }, is: "timeout")
            try lab.send(client, "second half\n")
            lab.expect("the next one, if it were allowed", outcome { try file.readLine() }, is: "\"second half\n\"")

            let (_, other, receiver) = try lab.connection(on: "127.0.0.1:12346")
            let stream = SocketStream(try receiver.takenByBerth())
            func line(within time: Duration) -> String {
                stream.readDeadline = .after(time)
                do throws(StreamError) { return try stream.readLine() ?? "end" } catch {
                    if case .socket(let error) = error, error.isDeadline { return "timeout" }
                    return "\(error)"
                }
            }
            try lab.send(other, "first half, ")
            lab.expect("Berth's line", line(within: .milliseconds(50)), is: "timeout")
            try lab.send(other, "second half\n")
            lab.expect("Berth's line, again", line(within: .seconds(20)), is: "first half, second half")
            stream.close()
        },
    ]
}
