internal import BerthSockets
internal import BerthSystem

/// A listener that more than one holds, or that is gone.
extension Processes {
    static let listeners = [
        Experiment(
            "child-inherits-listener",
            "A child that inherited the listener keeps the port when its parent is gone: clients connect, and nobody "
                + "ever accepts them.",
            belief: "When the server process has ended, its port is free again.",
            .onlyIf("no child has its listener"), pages: ["descriptors", "reuse"],
            because: """
                The listener lives as long as any process holds it. The child of the article's process server got a copy \
                by fork(2) and never closes it. The kernel completes handshakes on its own, so that clients see a server; \
                they are reset when the child ends. No option lets another server bind meanwhile: the old one listens.
                """,
            parts: ["child": { part in _ = try part.hear() }]
        ) { lab in
            let listener = try lab.listener("listener", [.reuseAddress])
            let child = try lab.process("child", "child", inheriting: [listener])
            lab.note("the parent ends")
            try lab.close(listener)
            try lab.expect("a client's connect", is: "OK") { try lab.connect() }
            try lab.expect("the bind of the next server", is: "EADDRINUSE") {
                try lab.listener("next", [.reuseAddress, .reusePort])
            }
            child.end()
            lab.note("the child ends")
            try lab.expectSoon("the bind of the next server after that", is: "OK") {
                try lab.outcome { try lab.listener("last", [.reuseAddress]) }
            }
        },
        Experiment(
            "listener-closed-connections-go-on",
            "Accepted connections go on when the listener is closed; what waits in its queue is reset, and new clients are "
                + "refused.",
            belief: "The socket that accepts must not be closed: the others have the same address and would break.",
            .isFalse, pages: ["backlog"],
            because: """
                An accepted socket is a socket of its own: it shares the listener's address and nothing else. Only \
                connections that nobody has accepted belong to the listener and end with it, by an RST.
                """
        ) { lab in
            let (listener, client, server) = try lab.connection()
            let queued = try lab.connect("queued client")
            try lab.expectQueue(listener, 1)
            try lab.close(listener)
            lab.expect("the queued client's recv", lab.receive(queued), is: "ECONNRESET")
            try lab.expect("a new client's connect", is: "ECONNREFUSED") { try lab.connect("new client") }
            try lab.send(client, "question")
            lab.expect("the accepted connection's recv", lab.receive(server), is: "8 bytes")
            try lab.send(server, "answer")
            lab.expect("its client's recv", lab.receive(client), is: "6 bytes")
        },
        Experiment(
            "listener-open-nobody-accepts",
            "A server that only waits for its children to end, with its listener open, lets new clients in and answers "
                + "none.",
            belief: "After Ctrl-C the article's servers are on their way out and take nobody any more.", .isFalse,
            pages: ["backlog"],
            because: """
                Handshakes are the kernel's work. A program that joins its threads or processes before it exits still \
                listens: each new client is connected, sends its request, and waits. Close the listener first, then wait.
                """
        ) { lab in
            let (listener, _, _) = try lab.connection()
            lab.note("the server waits for its child, and accepts no more")
            let late = try lab.connect("late client")
            try lab.send(late, "hello?")
            lab.expect("its recv", lab.receive(late, within: .milliseconds(200)), is: "nothing")
            try lab.expectQueue(listener, 1)
            try lab.close(listener)
            lab.expect("its recv when the server is gone", lab.receive(late), is: "ECONNRESET")
        },
        Experiment(
            "program-executed-again-binds-again",
            "A worker that is the program executed once more binds the port once more, and fails.",
            belief: "Replace threading by multiprocessing, and the thread server becomes a process server.",
            .onlyIf("the start method is fork"), pages: ["B001"],
            because: """
                With fork the child goes on behind the bind. With spawn or forkserver it is a new interpreter that imports \
                the module, which binds again while the parent listens. A program whose workers are executed has to hand \
                its listener to them, as Berth does.
                """,
            parts: [
                "worker": { part in
                    do {
                        try TCPListener.listen(on: Endpoint(parsing: Stage.address)).close()
                        try part.say("OK")
                    } catch let error as SocketError {
                        try part.say(error.errno?.name ?? "\(error)")
                    }
                }
            ]
        ) { lab in
            let listener = try lab.listener("listener", [.reuseAddress])
            let worker = try lab.process("worker", "worker", inheriting: [listener])
            lab.expect("the worker's bind", try worker.hear() ?? "nothing", is: "EADDRINUSE")
        },
    ]
}
