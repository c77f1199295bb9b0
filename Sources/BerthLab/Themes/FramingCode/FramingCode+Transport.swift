internal import BerthFraming
internal import BerthSockets
internal import BerthSystem

/// The article's functions on real sockets.
extension FramingCode {
    static let transport = [
        Experiment(
            "framing-timeout-mid-frame",
            "A timeout in the middle of a message loses what was read of it: the next call reads text as a length.",
            belief: "After a timeout one can simply receive again.", .onlyIf("what was read is kept"),
            because: """
                trecv_all collects in a local variable, which is gone with the exception. Ten bytes are missing from the \
                stream then. Berth's streams keep what has arrived: a read that fails at its deadline can be repeated.
                """
        ) { lab in
            let message = ArticleFraming.message("hello world")
            let (_, client, server) = try lab.connection()
            try lab.send(server, bytes: message.prefix(10))
            var copied = 0
            func article() -> String {
                do {
                    let body = try ArticleFraming.receive(copied: &copied) { count in
                        switch lab.receive(client, count, within: .milliseconds(50)) {
                        case .bytes(let bytes): bytes
                        case .nothing: throw ArticleFraming.Failure.timeout
                        case .end, .failed: []
                        }
                    }
                    return String(decoding: body, as: UTF8.self)
                } catch { return "\(error)" }
            }
            lab.expect("the article's receiver", article(), is: "timeout")
            try lab.send(server, bytes: message.dropFirst(10))
            lab.expect("the article's receiver, again", article(), is: "MemoryError")

            let (_, other, sender) = try lab.connection(on: "127.0.0.1:12346")
            let stream = SocketStream(try other.takenByBerth(), framing: .selfCounting64)
            func berth() -> String {
                do throws(StreamError) {
                    guard let frame = try stream.readFrame() else { return "end" }
                    return "\(frame.body.count) bytes"
                } catch {
                    if case .socket(let error) = error, error.isDeadline { return "timeout" }
                    return "\(error)"
                }
            }
            try lab.send(sender, bytes: message.prefix(10))
            stream.readDeadline = .after(.milliseconds(50))
            lab.expect("Berth's", berth(), is: "timeout")
            try lab.send(sender, bytes: message.dropFirst(10))
            stream.readDeadline = .after(.seconds(20))
            lab.expect("Berth's, again", berth(), is: "11 bytes")
            stream.close()
        },
        Experiment(
            "framing-two-writers",
            "Two writers of one socket mix their messages as soon as one send takes only a part.",
            belief: "A message that is sent by one call arrives in one piece.", .onlyIf("nobody else sends meanwhile"),
            hasDiagram: false,
            because: """
                tsend_all sends the rest of its message with the next send; whatever another thread sends in between lies \
                in the middle of it. A blocking send is no lock either: it gives the socket up while it waits for room. \
                In Berth a connection belongs to one task, and the compiler refuses to share it.
                """
        ) { lab in
            let (_, client, server) = try lab.connection()
            let size = 16 << 20
            var long = ArticleFraming.bigEndian(UInt64(size + 8)) + [UInt8](repeating: UInt8(ascii: "a"), count: size)
            let short = ArticleFraming.message("bbbbbbbb")
            long.removeFirst(try lab.send(server, bytes: long))
            lab.note("no room: the first writer waits, the reader reads, the second writer is first to be woken")
            var received: [UInt8] = []
            func next() -> Received { lab.untold { lab.receive(client, 1 << 20, within: .milliseconds(50)) } }
            func read() { while case .bytes(let bytes) = next() { received += bytes } }
            read()
            lab.expect("bytes that the second writer's send takes", try lab.send(server, bytes: short), in: 16...16)
            while !long.isEmpty {
                long.removeFirst(try lab.untold { try lab.send(server, bytes: long) })
                read()
            }
            lab.expect("bytes that arrived", received.count, in: (size + 24)...(size + 24))
            let first = received.dropFirst(8).prefix(size)
            lab.expect(
                "whether the first message has bytes of the second", first.contains(UInt8(ascii: "b")) ? "yes" : "no",
                is: "yes")
        },
        Experiment(
            "framing-berth-end-within-frame",
            "A message that is cut by the end of the stream is an error in Berth, and never a short message.",
            .answered,
            because: """
                A FIN may come in the middle of a message: the peer crashed, or its last reply was cut. The length that \
                was announced tells. The error says how much there was of how much.
                """
        ) { lab in
            let (_, client, server) = try lab.connection()
            try lab.send(server, bytes: ArticleFraming.message("hello world").prefix(12))
            try lab.close(server)
            let stream = SocketStream(try client.takenByBerth(), framing: .selfCounting64)
            let outcome: String
            do throws(StreamError) { outcome = try stream.readFrame() == nil ? "end" : "a frame" } catch {
                outcome = "\(error)"
            }
            lab.expect(
                "Berth's receiver", outcome, is: "the stream ended within a frame, after 12 of its 19 bytes")
            stream.close()
        },
    ]
}
