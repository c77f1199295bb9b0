internal import BerthSystem

/// A FIN waits behind what is unsent.
extension Closing {
    static let unsent = [
        finBehindUnsent(
            "close", "close", belief: "close sends the FIN at once, or the protocol stack forgets about it."
        ) { lab, server in try lab.close(server) },
        finBehindUnsent(
            "shutdown", "shutdown and close", belief: "If a socket is shut down first, a FIN is sent for certain."
        ) { lab, server in
            try lab.shut(server)
            try lab.close(server)
        },
        Experiment(
            "linger-close-waits",
            "With SO_LINGER {1, 1} close waits a second for a peer that does not read, and then says nothing; the data "
                + "still arrives.",
            belief: "SO_LINGER makes close wait until everything is delivered.",
            .onlyIf("that takes less than its time"), pages: ["linger"], hasDiagram: false,
            because: """
                close blocks until all is acknowledged or the time is over (man 7 socket). It returns without an error in \
                both cases, so that the caller learns nothing, and a server's thread is stuck meanwhile.
                """
        ) { lab in
            let (_, client, server) = try lab.connection([], client: [])
            let taken = try lab.send(server, count: 16 << 20)
            try lab.set(server, .linger(1))
            let begin = MonotonicTime.now
            try lab.expect("the close", is: "OK") { try lab.close(server) }
            lab.expect("how long the close took", lab.seconds(since: begin), in: 0.9...5, unit: "s")
            let (count, end) = lab.drain(client)
            lab.expect("how much of it the client gets", share(count, of: taken), is: "all")
            lab.expect("then", end, is: "end")
        },
    ]

    private static func finBehindUnsent(
        _ name: String, _ words: String, belief: String,
        _ ending: @escaping @Sendable (Stage, LabSocket) throws -> Void
    ) -> Experiment {
        Experiment(
            "fin-behind-unsent-\(name)",
            "After \(words) with data that the peer does not take, there is no FIN on the wire until it has taken all.",
            belief: belief, .onlyIf("nothing is unsent"), pages: ["half-close", "fin-wait"], hasDiagram: false,
            because: """
                A FIN has the number after the last byte, and is queued behind it. To a reader that stalls neither goes \
                out: the socket is in FIN_WAIT1, without an owner, until the reader reads or the kernel gives up.
                """
        ) { lab in
            let (_, client, server) = try lab.connection()
            let taken = try lab.send(server, count: 16 << 20)
            try ending(lab, server)
            try lab.settle(.milliseconds(100))
            func sentFIN() throws -> String {
                try lab.segments().contains { $0.segment.flags.contains(.fin) } ? "yes" : "no"
            }
            lab.expect("whether a FIN was sent", try sentFIN(), is: "no")
            try lab.expect(server, is: "FIN_WAIT1")
            let (count, end) = lab.drain(client)
            lab.figure("bytes that the send took", taken)
            lab.expect("how much the client gets once it reads", share(count, of: taken), is: "all")
            lab.expect("then", end, is: "end")
            lab.expect("whether a FIN was sent now", try sentFIN(), is: "yes")
        }
    }
}
