internal import BerthSystem

/// A connection that more than one holds.
extension Processes {
    static let connections = [
        Experiment(
            "parent-keeps-the-copy",
            "A connection whose parent process kept its copy is not closed by the child's close.",
            belief: "The process-per-connection server of the article closes each connection when its child is done.",
            .isFalse, pages: ["close-wait", "descriptors"],
            because: """
                A FIN is sent when the last descriptor of a socket is closed. fork(2) copied it, and the parent of the \
                article's server never closes its own: the client waits until the variable of the parent is overwritten, \
                which is when the next client comes.
                """,
            parts: [
                "child": { part in
                    _ = try part.sockets[0].send(Array("Welcome!".utf8))
                    try part.sockets[0].close()
                    try part.say("closed")
                    _ = try part.hear()
                }
            ]
        ) { lab in
            let (_, client, server) = try lab.connection()
            let child = try lab.process("child", "child", inheriting: [server])
            lab.expect("what the child says", try child.hear() ?? "nothing", is: "closed")
            lab.expect("the client's recv", lab.receive(client), is: "8 bytes")
            child.end()
            lab.expect("the client's next recv", lab.receive(client, within: .milliseconds(200)), is: "nothing")
            try lab.expect(server, is: "ESTABLISHED")
            try lab.close(server)
            lab.expect("the client's recv after the parent's close", lab.receive(client), is: "end")
        },
        Experiment(
            "parent-keeps-close-wait",
            "With the same parent a client that closes leaves the server in CLOSE_WAIT, although the child has closed and "
                + "ended.",
            .answered, pages: ["close-wait", "descriptors"],
            because: """
                The child read the end, closed and exited, as the article's handler does. The parent's descriptor keeps \
                the socket: CLOSE_WAIT at the server, FIN_WAIT2 at the client. CLOSE_WAIT always means that some process \
                here has not closed.
                """,
            parts: [
                "child": { part in
                    while try !part.sockets[0].receive(1024).isEmpty {}
                    try part.sockets[0].close()
                }
            ]
        ) { lab in
            let (_, client, server) = try lab.connection()
            let child = try lab.process("child", "child", inheriting: [server])
            try lab.close(client)
            try child.waitForEnd()
            try lab.expect(server, is: "CLOSE_WAIT")
            try lab.expect(client, is: "FIN_WAIT2")
            try lab.close(server)
            try lab.expectLeft([])
        },
        Experiment(
            "dup-keeps-the-connection",
            "close sends nothing while a duplicate of the descriptor is open.",
            belief: "close closes the connection.", .onlyIf("it is the last descriptor of the socket"),
            pages: ["descriptors"],
            because: """
                Descriptors refer to an open file; the socket ends with the last of them (man 2 close). Python's makefile \
                does the same in its own way: socket.close() waits for the file object to be closed.
                """
        ) { lab in
            let (_, client, server) = try lab.connection()
            let copy = try lab.duplicate(server, "copy")
            try lab.close(server)
            lab.expect("the client's recv", lab.receive(client, within: .milliseconds(100)), is: "nothing")
            try lab.expect("a send on the copy", is: "OK") { try lab.send(copy, "still here") }
            lab.expect("the client's next recv", lab.receive(client), is: "10 bytes")
            try lab.close(copy)
            lab.expect("its recv after the last close", lab.receive(client), is: "end")
        },
        Experiment(
            "child-shutdown-ends-it",
            "A child that calls shutdown before its close ends the connection, whatever its parent still holds.",
            belief: "shutdown before close makes sure that the four-way end begins at once.",
            .onlyIf("nothing is unsent"),
            pages: ["half-close", "descriptors"],
            because: """
                shutdown(2) acts on the connection and not on a descriptor. It cures the article's server for its clients; \
                the parent's descriptor leaks all the same.
                """,
            parts: [
                "child": { part in
                    _ = try part.sockets[0].send(Array("Welcome!".utf8))
                    try Kernel.shutdown(part.sockets[0].descriptor, .both)
                }
            ]
        ) { lab in
            let (_, client, server) = try lab.connection()
            let child = try lab.process("child", "child", inheriting: [server])
            try child.waitForEnd()
            lab.expect("the client's recv", lab.receive(client), is: "8 bytes")
            lab.expect("its next recv", lab.receive(client), is: "end")
            lab.expect("whether the parent's descriptor is open", "\(server.isOpen)", is: "true")
        },
    ]
}
