internal import BerthSystem

/// Peers that say nothing, or not yet.
extension Limits {
    static let silence = [
        Experiment(
            "silent-peer-user-timeout",
            "To a host that vanished without a word data is sent again and again, until TCP_USER_TIMEOUT ends it.",
            .answered, pages: ["keep-alive"], hasDiagram: false,
            because: """
                A cable that is cut says nothing to either side. Whoever sent something repeats it with growing pauses, \
                fifteen times over a quarter of an hour unless TCP_USER_TIMEOUT says less.
                """
        ) { lab in
            try lab.addHost()
            let listener = try lab.listener(on: "10.0.0.1:12345", [.userTimeout(milliseconds: 1000)])
            let client = try lab.onOtherHost { try lab.connect(to: "10.0.0.1:12345") }
            let server = try lab.accept(listener)
            try lab.cutCable()
            try lab.send(server, "is anyone there?")
            lab.expect("the server's recv", lab.receive(server), is: "ETIMEDOUT")
            try lab.expectCounter("TcpExt.TCPAbortOnTimeout", 1)
            try lab.onOtherHost { try lab.expect(client, is: "ESTABLISHED") }
        },
        Experiment(
            "silent-peer-keep-alive",
            "A connection over which nothing is sent outlives its peer's host, unless keep-alive asks for it.",
            belief: "When the other host is gone, recv returns an error.", .onlyIf("something is sent to it"),
            pages: ["keep-alive"], hasDiagram: false,
            because: """
                TCP sends nothing while there is nothing to say (RFC 9293, section 3.8.4). A server that only reads keeps \
                such a connection for ever. SO_KEEPALIVE sends a probe after TCP_KEEPIDLE seconds of silence, by default \
                two hours, and ends the connection when TCP_KEEPCNT of them got no answer.
                """
        ) { lab in
            try lab.addHost()
            let listener = try lab.listener(on: "10.0.0.1:12345")
            try lab.onOtherHost { for name in ["one", "two"] { try lab.connect(name, to: "10.0.0.1:12345") } }
            let plain = try lab.accept(listener, "plain server")
            let asking = try lab.accept(listener, "asking server")
            try lab.cutCable()
            for option in [LabOption.keepAliveIdle(1), .keepAliveInterval(1), .keepAliveCount(1), .keepAlive] {
                try lab.set(asking, option)
            }
            lab.expect("the recv with keep-alive", lab.receive(asking), is: "ETIMEDOUT")
            lab.expect("the recv without", lab.receive(plain, within: .milliseconds(100)), is: "nothing")
            try lab.expect(plain, is: "ESTABLISHED")
        },
        Experiment(
            "nagle-and-delayed-ack",
            "Two small writes before a read take forty milliseconds, unless TCP_NODELAY is set or they are one write.",
            belief: "A small message goes out at once.", .onlyIf("all that was sent before it is acknowledged"),
            kind: .statistical, pages: ["nagle"],
            because: """
                Nagle's algorithm holds a small segment back while an earlier one is not acknowledged (RFC 9293, section \
                3.7.4), and the receiver delays its acknowledgement by up to forty milliseconds in the hope of an answer \
                to send it with. Each waits for the other. Berth sets TCP_NODELAY and gathers small writes into one send.
                """
        ) { lab in
            let figures = try [(12345, []), (12346, [LabOption.noDelay])].map { port, options in
                let (_, client, server) = try lab.connection(on: "127.0.0.1:\(port)", client: options)
                return try lab.untold {
                    try (1...12).map { _ in
                        let begin = MonotonicTime.now
                        try lab.send(client, "head")
                        try lab.send(client, "body")
                        var count = 0
                        while count < 8 { count += lab.receive(server).bytes.count }
                        try lab.send(server, "answer")
                        _ = lab.receive(client)
                        return lab.seconds(since: begin) * 1000
                    }.sorted()
                }
            }
            lab.expect("the median of 12 requests", figures[0][6], in: 30...500, unit: "ms")
            lab.expect("the fastest of 12 with TCP_NODELAY", figures[1][0], in: 0...15, unit: "ms")
        },
        Experiment(
            "stalled-reader-is-probed",
            "A reader that stalls closes its window; the sender asks again and again whether it has opened.",
            .answered, pages: ["keep-alive"], hasDiagram: false,
            because: """
                A closed window is acknowledged and is no error: the sender probes it with growing pauses and without end \
                (RFC 9293, section 3.8.6.1), as long as the probes are answered. Only a time limit of the program ends such \
                a connection: Berth's is the write stall of 30 seconds.
                """
        ) { lab in
            let (_, client, server) = try lab.connection()
            try lab.send(server, count: 16 << 20)
            try lab.expectSoon("whether the window was probed", is: "yes") {
                try lab.counter("TcpExt.TCPWinProbe") > 0 ? "yes" : "no"
            }
            try lab.expect(server, is: "ESTABLISHED")
            let window = try lab.segments(of: client).last { $0.segment.source == client.local }?.segment.window
            lab.expect("the window that the client's last segment gives", Int(window ?? 1), in: 0...0, unit: "bytes")
        },
    ]
}
