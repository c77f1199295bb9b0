internal import BerthSockets
internal import BerthSystem

/// The last reply, lost and saved.
extension Closing {
    /// What a server sends last: more than the buffers of both sides hold together.
    private static let reply = 16 << 20
    /// What the client has sent, and the server not read.
    private static let request = 20_000

    static let losses = [
        loss(
            "close", "A server that closes with part of the request unread loses the end of its last reply.",
            belief: "What send has taken is delivered, also when the socket is closed after it.",
            .onlyIf("all input was read")
        ) { lab, _, server in try lab.close(server) },
        loss(
            "shutdown",
            "A server that shuts its writing down and closes, with unread input, loses the end of its last reply.",
            belief: "shutdown before close is the cure.",
            .onlyIf("all input was read")
        ) { lab, _, server in
            try lab.shut(server)
            try lab.close(server)
        },
        loss(
            "linger",
            "SO_LINGER of five seconds does not save the last reply of a server that closes with unread input.",
            belief: "SO_LINGER makes close wait until everything is delivered.", .onlyIf("all input was read")
        ) { lab, _, server in
            try lab.set(server, .linger(5))
            try lab.close(server)
        },
        loss(
            "drain",
            "Reading what is there before the close does not save the last reply of a client that goes on sending.",
            belief: "It is enough to read what is there before the close.", .onlyIf("nothing comes later")
        ) { lab, client, server in
            let (count, _) = lab.drain(server, within: .zero)
            lab.expect("how much the server read", count, in: request...request, unit: "bytes")
            try lab.close(server)
            try lab.send(client, "and one line more")
        },
    ]

    private static func loss(
        _ name: String, _ claim: String, belief: String, _ verdict: Verdict,
        _ ending: @escaping @Sendable (Stage, LabSocket, LabSocket) throws -> Void
    ) -> Experiment {
        Experiment(
            "lost-reply-\(name)", claim, belief: belief, verdict, pages: ["rst", "linger"], hasDiagram: false,
            because: """
                Unread input at the close, or input that comes after it, makes the kernel send an RST, and an RST throws \
                away what is still in the send buffer. The server sees no error: its send worked. The client gets part of \
                the reply and ECONNRESET. Reading to the client's end before the close is the only cure \
                (RFC 9112, section 9.6; the experiment lingering-close).
                """
        ) { lab in
            let (_, client, server) = try lab.connection()
            try lab.send(client, count: request)
            try lab.expectSoon("what waits at the server", is: "\(request)") { "\(try lab.unread(server))" }
            let taken = try lab.send(server, count: reply)
            lab.figure("bytes that the server's send took", taken)
            try ending(lab, client, server)
            let (count, end) = lab.drain(client)
            lab.figure("bytes that the client got", count)
            lab.expect("how much of the reply the client gets", share(count, of: taken), is: "a part")
            lab.expect("then", end, is: "ECONNRESET")
        }
    }

    static let cures = [
        Experiment(
            "lingering-close",
            "Berth's finish delivers the last reply whole, although the request is unread and more of it still comes.",
            .answered, pages: ["linger", "half-close"], hasDiagram: false,
            because: """
                finish sends the FIN behind the reply, reads and throws away what the client still sends, within limits of \
                time and size, and closes when the client has finished. There is never anything unread at the close, so \
                there is no RST. It also reports how the connection ended: an empty send queue and the client's FIN are \
                the proof that everything arrived.
                """
        ) { lab in
            let (_, client, server) = try lab.connection()
            try lab.send(client, count: request)
            try lab.expectSoon("what waits at the server", is: "\(request)") { "\(try lab.unread(server))" }
            let taken = try lab.send(server, count: reply)
            lab.figure("bytes that the server's send took", taken)
            let finishing = try lab.background("finish") { () throws(Errno) in
                try server.takenByBerth().finish(within: .seconds(20))
            }
            try lab.send(client, "and one line more")
            let (count, end) = lab.drain(client)
            lab.expect("how much of the reply the client gets", share(count, of: taken), is: "all")
            lab.expect("then", end, is: "end")
            try lab.close(client)
            let report = try finishing.value()
            lab.expect("what finish reports", "\(report.ending)", is: "peerFinished")
            lab.expect("what it threw away", "\(report.discarded) bytes", is: "\(request + 17) bytes")
            lab.expect("what was not acknowledged", "\(report.unacknowledged) bytes", is: "0 bytes")
            try lab.expectCounter("Tcp.OutRsts", 0)
        }
    ]
}
