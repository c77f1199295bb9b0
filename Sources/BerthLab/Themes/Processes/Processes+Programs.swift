internal import BerthSockets
internal import BerthSystem

/// What a program inherits that is executed, and what the death of a process closes.
extension Processes {
    static let programs = [
        Experiment(
            "inheritable-listener-keeps-port",
            "A program that a server runs keeps the server's port, when the listener is not close-on-exec.",
            belief: "A command that the server runs has nothing to do with its sockets.", .isFalse,
            pages: ["descriptors", "B001"],
            because: """
                Every descriptor without FD_CLOEXEC is inherited by execve(2). socket(2) makes them without it unless \
                SOCK_CLOEXEC is given. A long-running helper then holds the port after the server has gone, and nobody \
                suspects it: it has never heard of sockets.
                """
        ) { lab in
            let listener = try lab.listener("listener", [.reuseAddress])
            try lab.setCloseOnExec(listener, false)
            let program = try lab.program()
            try lab.close(listener)
            try lab.expect("the bind while the program runs", is: "EADDRINUSE") {
                try lab.listener("next", [.reuseAddress])
            }
            lab.end(program)
            try lab.expect("the bind when it has ended", is: "OK") { try lab.listener("last", [.reuseAddress]) }
        },
        Experiment(
            "inheritable-connection-stays-open",
            "A program that a server runs keeps the server's connections open, when they are not close-on-exec.",
            .answered, pages: ["descriptors", "close-wait"],
            because: """
                The same as with a listener: close gives back one descriptor, and the program has another. The client sees \
                no end until the program ends, whatever that program is.
                """
        ) { lab in
            let (_, client, server) = try lab.connection()
            try lab.setCloseOnExec(server, false)
            let program = try lab.program()
            try lab.close(server)
            lab.expect("the client's recv", lab.receive(client, within: .milliseconds(100)), is: "nothing")
            lab.end(program)
            lab.expect("its recv when the program has ended", lab.receive(client), is: "end")
        },
        Experiment(
            "close-on-exec",
            "Berth's sockets are close-on-exec from the call that makes them: no program inherits a port or a connection.",
            .answered, pages: ["descriptors"],
            because: """
                Berth makes every descriptor with SOCK_CLOEXEC, accept4(2) or F_DUPFD_CLOEXEC, so that there is no moment \
                at which another thread's execve could take it along. Setting FD_CLOEXEC afterwards leaves such a moment.
                """
        ) { lab in
            let listener = try lab.berth("TCPListener.listen") {
                try TCPListener.listen(on: Endpoint(parsing: Stage.address))
            }
            let client = try lab.connect()
            let server = try lab.berth("accept") { try listener.accept() }
            let program = try lab.program()
            server.close()
            lab.note("Berth: close()")
            lab.expect("the client's recv while the program runs", lab.receive(client), is: "end")
            listener.close()
            try lab.expect("the bind while it runs", is: "OK") { try lab.listener("next", [.reuseAddress]) }
            lab.end(program)
        },
    ]

    static let ends = [
        Experiment(
            "kill-closes-with-fin",
            "A process that is killed closes its connections like close: with a FIN when nothing is unread.",
            belief: "When a process is killed, its peers are not told.", .isFalse, pages: ["rst"],
            because: """
                The kernel closes the descriptors of every process that ends, also by SIGKILL. Only a machine that \
                loses power or its network says nothing.
                """,
            parts: ["server": { part in _ = try part.hear() }]
        ) { lab in
            let (_, client, server) = try lab.connection()
            let process = try lab.process("server process", "server", inheriting: [server])
            try lab.close(server)
            process.end()
            lab.note("the process is killed")
            lab.expect("the client's recv", lab.receive(client), is: "end")
            try lab.expectPackets(["client [S]", "server [S.]", "server [F.]"])
        },
        Experiment(
            "kill-resets-when-unread",
            "A process that is killed with unread input resets its connections.", .answered, pages: ["rst"],
            because: """
                It is the same close, and looks into the same receive buffer. A crash therefore also loses the end of \
                what was sent before it, as the experiments lost-reply show.
                """,
            parts: ["server": { part in _ = try part.hear() }]
        ) { lab in
            let (_, client, server) = try lab.connection()
            let process = try lab.process("server process", "server", inheriting: [server])
            try lab.send(client, "question")
            try lab.expectSoon("what waits at the server", is: "8") { "\(try lab.unread(server))" }
            try lab.close(server)
            process.end()
            lab.note("the process is killed")
            lab.expect("the client's recv", lab.receive(client), is: "ECONNRESET")
        },
    ]
}
