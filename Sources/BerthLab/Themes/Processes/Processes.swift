/// Processes and descriptors.
enum Processes {
    static let all: [Experiment] = [
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
        }
    ]
}
