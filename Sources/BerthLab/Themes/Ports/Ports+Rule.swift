internal import BerthInspect

/// The one rule behind every bind.
extension Ports {
    static let rule: [Experiment] = [
        matrix("tcp", .tcp), matrix("udp", .udp),
        Experiment(
            "reuse-two-may-bind-one-may-listen",
            "With SO_REUSEADDR two sockets may bind the very same address; the second one that listens is refused.",
            belief: "Binding an address a second time fails, with SO_REUSEADDR on or off.",
            .onlyIf("one of the two lacks the option, or the first one listens"), pages: ["reuse"],
            because: """
                The check is made at bind and once more at listen. Sockets that share by SO_REUSEADDR may sit side by \
                side as long as none listens; the first listen claims the address.
                """
        ) { lab in
            let first = try lab.bound("first", [.reuseAddress])
            let second = try lab.bound("second", [.reuseAddress])
            try lab.expect("the first listen", is: "OK") { try lab.listen(first) }
            try lab.expect("the second listen", is: "EADDRINUSE") { try lab.listen(second) }
            try lab.expect("a third bind", is: "EADDRINUSE") { try lab.bound("third", [.reuseAddress]) }
        },
        Experiment(
            "reuse-one-of-two", "SO_REUSEADDR on one of two sockets is as good as on none.",
            belief: "One column, on or off, says what SO_REUSEADDR does.", .isFalse, pages: ["reuse"],
            because: "Sharing needs both: the kernel looks at the option of each of the two sockets."
        ) { lab in
            try lab.bound("with it", [.reuseAddress])
            try lab.expect("a bind without it", is: "EADDRINUSE") { try lab.bound("without") }
            try lab.bound("without it", to: "127.0.0.1:12346")
            try lab.expect("a bind with it", is: "EADDRINUSE") {
                try lab.bound("second", to: "127.0.0.1:12346", [.reuseAddress])
            }
        },
        Experiment(
            "reuse-wildcard-beside-listener",
            "A wildcard and a specific address cannot both be bound when the first one listens, SO_REUSEADDR or not.",
            belief: "With SO_REUSEADDR a socket may bind a more specific address beside 0.0.0.0.",
            .onlyIf("the first one does not listen"), pages: ["reuse"],
            because: """
                On BSD that is the second meaning of the option. Linux refuses it once a socket listens, since a listener \
                with the more specific address would steal connections from the other. It works while none of them \
                listens, and with SO_REUSEPORT on both.
                """
        ) { lab in
            let first = try lab.bound("first", to: "0.0.0.0:12345", [.reuseAddress])
            try lab.expect("a specific bind beside the wildcard", is: "OK") { try lab.bound("second", [.reuseAddress]) }
            try lab.listen(first)
            try lab.expect("the same when the wildcard listens", is: "EADDRINUSE") {
                try lab.bound("third", [.reuseAddress])
            }
            try lab.listener("shared", on: "0.0.0.0:12346", [.reusePort])
            try lab.expect("the same with SO_REUSEPORT on both", is: "OK") {
                try lab.listener("specific", on: "127.0.0.1:12346", [.reusePort])
            }
        },
        Experiment(
            "reuse-can-be-set-later",
            "SO_REUSEADDR counts as it is when the other socket binds, not as it was at bind.",
            .answered, pages: ["reuse"],
            because: "The kernel looks at the present options of the socket that has the address."
        ) { lab in
            let first = try lab.bound("first")
            try lab.expect("the second bind", is: "EADDRINUSE") { try lab.bound("second", [.reuseAddress]) }
            try lab.set(first, .reuseAddress)
            try lab.expect("after the first one got the option", is: "OK") {
                let second = try lab.bound("second", [.reuseAddress])
                try lab.close(second)
            }
            try lab.set(first, .reuseAddress(false))
            try lab.expect("after it gave it up", is: "EADDRINUSE") { try lab.bound("third", [.reuseAddress]) }
        },
        Experiment(
            "reuse-does-not-ask-who",
            "SO_REUSEADDR does not ask who the other one is: another user may listen first, and the owner is refused.",
            belief: "SO_REUSEADDR is safe, since only SO_REUSEPORT lets others have the port.", .isFalse,
            needs: [.otherUser], pages: ["reuse"],
            because: """
                The user is compared for SO_REUSEPORT alone. Between bind and listen a socket with SO_REUSEADDR shares its \
                address with everyone's: whoever listens first has it. So listen right after bind.
                """
        ) { lab in
            let owner = try lab.bound("owner", [.reuseAddress])
            let thief = try lab.asOtherUser { try lab.bound("thief", [.reuseAddress]) }
            try lab.expect("the other user's listen", is: "OK") { try lab.listen(thief) }
            try lab.expect("the owner's listen", is: "EADDRINUSE") { try lab.listen(owner) }
        },
        Experiment(
            "outgoing-connection-holds-the-port",
            "An outgoing connection that happens to have the port keeps a server from starting, even with SO_REUSEADDR.",
            belief: "A port is occupied because a server has it.", .isFalse, pages: ["ephemeral-ports"],
            because: """
                The kernel gives outgoing connections any port of net.ipv4.ip_local_port_range, without SO_REUSEADDR. A \
                server's port in that range can be taken that way at any time. net.ipv4.ip_local_reserved_ports takes it \
                out of the range.
                """
        ) { lab in
            try lab.set("net.ipv4.ip_local_port_range", to: "40000 40001")
            try lab.set("net.ipv4.ip_local_reserved_ports", to: "40001")
            try lab.listener("somewhere else", on: "127.0.0.1:80")
            let client = try lab.connect("outgoing", to: "127.0.0.1:80")
            lab.expect("the connection's own address", try lab.localAddress(client), is: "127.0.0.1:40000")
            try lab.expect("a server on its port", is: "EADDRINUSE") {
                try lab.listener("server", on: "127.0.0.1:40000", [.reuseAddress])
            }
            try lab.expect("one more connection", is: "EADDRNOTAVAIL") { try lab.connect("more", to: "127.0.0.1:80") }
            try lab.expect("a server on the port that is reserved", is: "OK") {
                try lab.listener("next", on: "127.0.0.1:40001", [.reuseAddress])
            }
        },
    ]

    private static func matrix(_ name: String, _ transport: SocketRecord.Transport) -> Experiment {
        Experiment(
            "reuse-matrix-\(name)",
            "One rule says for every pair of \(name.uppercased()) sockets whether the second may bind.",
            belief: "A table with one column, on or off, says when a bind fails.", .isFalse, needs: [.otherUser],
            pages: ["reuse"], hasDiagram: false,
            because: """
                Two sockets whose addresses overlap exclude each other, unless both have SO_REUSEADDR and the first one does \
                not listen, or both have SO_REUSEPORT and the same user. Berth has this rule as a function, for its \
                diagnoses; here it is compared with the kernel in every case: six forms of address, both options on both \
                sides, every state, the same and another user. `berth lab matrix` prints the tables.
                """
        ) { lab in
            let cases = BindCase.all(transport)
            let outcomes = try lab.untold("\(cases.count) cases") { try BindExperiment.run(cases) }
            lab.figure("cases", outcomes.count)
            let wrong = outcomes.filter { !$0.agrees }
            lab.expect("disagreements between rule and kernel", wrong.count, is: "0")
            for outcome in wrong.prefix(5) { lab.note(BindMatrix.words(outcome)) }
        }
    }
}
