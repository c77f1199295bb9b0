internal import BerthSystem

/// Descriptors that are closed while another thread is at them.
extension Processes {
    static let threads = [
        Experiment(
            "close-while-accepting",
            "A listener that is closed while a thread waits in accept goes on listening, and that thread takes one more "
                + "client.",
            belief: "The socket that accepts must not be closed: it becomes abnormal.",
            .onlyIf("a thread waits in accept"), pages: ["descriptors"],
            because: """
                A system call holds the file it works on. close(2) takes the number away at once; the socket lives until \
                accept returns. The port stays taken, and one more client gets in. The thread's next accept works on whatever \
                has got the number since (the experiment recycled-descriptor).
                """
        ) { lab in
            let listener = try lab.listener("listener", [.reuseAddress])
            let number = listener.descriptor
            let accepting = try lab.background("the thread's accept") { () throws(Errno) in try listener.accept() }
            try lab.waitUntilBlocked(accepting, onDescriptor: number)
            try lab.close(listener)
            try lab.expect("the bind of another server", is: "EADDRINUSE") {
                try lab.listener("next", [.reuseAddress])
            }
            try lab.expect("a client's connect", is: "OK") { try lab.connect() }
            lab.expect("the thread's accept", accepting.outcome(), is: "OK")
            try lab.expectSoon("the bind after that", is: "OK") {
                try lab.outcome { try lab.listener("last", [.reuseAddress]) }
            }
        },
        Experiment(
            "shutdown-wakes-accept",
            "shutdown of a listener wakes whoever waits in accept, also in other processes, with EINVAL.",
            .answered, pages: ["descriptors", "backlog"],
            because: """
                shutdown(2) acts on the socket and not on a descriptor, and ends LISTEN. It is how a thread is got out of \
                accept; but it also resets every connection that waits in the queue, for all processes that share it.
                """,
            parts: [
                "worker": { part in
                    do throws(Errno) {
                        _ = try part.sockets[0].accept()
                        try? part.say("OK")
                    } catch { try? part.say(error.name) }
                }
            ]
        ) { lab in
            let listener = try lab.listener()
            let worker = try lab.process("worker", "worker", inheriting: [listener])
            let thread = try lab.background("the thread's accept") { () throws(Errno) in try listener.accept() }
            try lab.waitUntilBlocked(thread, on: listener)
            try lab.waitUntilBlocked(worker)
            try lab.shut(listener, .reading)
            lab.expect("the thread's accept", thread.outcome(), is: "EINVAL")
            lab.expect("the accept of the other process", try worker.hear() ?? "nothing", is: "EINVAL")
        },
        Experiment(
            "close-while-receiving",
            "A close while another thread waits in recv sends no FIN: the connection lives until that recv returns.",
            belief: "Most of the time close does not send a FIN.", .onlyIf("something else holds the socket"),
            pages: ["descriptors", "close-wait"],
            because: """
                The waiting call holds the file, as a duplicate would. Neither side learns anything; the next data of the \
                peer wakes the thread, and only then is the socket closed. shutdown before the close wakes it at once.
                """
        ) { lab in
            let (_, client, server) = try lab.connection()
            let number = server.descriptor
            let receiving = try lab.background("the thread's recv") { () throws(Errno) in try server.receive(100).count
            }
            try lab.waitUntilBlocked(receiving, onDescriptor: number)
            try lab.close(server)
            lab.expect("the client's recv", lab.receive(client, within: .milliseconds(150)), is: "nothing")
            try lab.expect(server, is: "ESTABLISHED")
            try lab.send(client, "wake up")
            lab.expect("what the thread's recv gets", "\(try receiving.value()) bytes", is: "7 bytes")
            lab.expect("the client's recv after that", lab.receive(client), is: "end")
        },
        Experiment(
            "shutdown-wakes-recv",
            "shutdown wakes a thread that waits in recv, which then reads the end; the close after it sends what is due.",
            .answered, pages: ["half-close", "descriptors"],
            because: """
                shutdown(SHUT_RDWR) marks both directions as ended and wakes whoever waits. The FIN goes out at once.
                """
        ) { lab in
            let (_, client, server) = try lab.connection()
            let receiving = try lab.background("the thread's recv") { () throws(Errno) in try server.receive(100).count
            }
            try lab.waitUntilBlocked(receiving, on: server)
            try lab.shut(server, .both)
            lab.expect("what the thread's recv gets", "\(try receiving.value()) bytes", is: "0 bytes")
            lab.expect("the client's recv", lab.receive(client), is: "end")
        },
        Experiment(
            "recycled-descriptor",
            "A thread that still uses the number of a closed listener accepts the clients of whoever got that number.",
            .answered, pages: ["descriptors"],
            because: """
                The kernel gives out the lowest free number (man 2 open). A thread that polls, or whose accept has a \
                timeout, comes back to the number and not to the socket. One owner for each descriptor, and no use after \
                its end, is the only cure; in Berth the compiler sees to that.
                """
        ) { lab in
            let old = try lab.listener("old listener")
            let number = old.descriptor
            try lab.close(old)
            let other = try lab.listener("other service", on: "127.0.0.1:54321")
            lab.expect("the number of the other service's listener", other.descriptor, is: "\(number)")
            let client = try lab.connect("other client", to: "127.0.0.1:54321")
            let accepted = try lab.step(.server, "the old service's thread calls accept(\(number))") {
                () throws(Errno) in
                var peer = RawSocketAddress()
                return try Kernel.accept(number, nonBlocking: false, peer: &peer).release()
            }
            let server = LabSocket(Descriptor(owning: accepted), name: "server", side: .server)
            lab.expect("who it has accepted", try lab.localAddress(server), is: "127.0.0.1:54321")
            lab.expect("whose client that is", "\(server.remote == client.local)", is: "true")
            try lab.close(server)
        },
    ]
}
