/// Limits and errors.
enum Limits {
    static let all: [Experiment] = [
        Experiment(
            "silent-peer-user-timeout",
            "To a host that vanished without a word data is sent again and again, until TCP_USER_TIMEOUT ends it.",
            .answered, pages: ["keep-alive"],
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
        }
    ]
}
