internal import BerthSystem

/// Who gets a connection.
extension ReusePortGroups {
    static let balance: [Experiment] = [
        Experiment(
            "reuseport-balance", "A group shares its connections evenly by number, as chance does.",
            belief: "The kernel wakes one process and guarantees the balance.",
            .onlyIf("balance means an equal chance"),
            kind: .statistical, pages: ["reuse"],
            because: """
                A hash of the addresses and ports chooses the member, whatever it is doing. Of 600 connections to three \
                members each gets 200, with a standard deviation of 11.5; five of these are allowed here.
                """
        ) { lab in
            let group = try lab.group(3, backlog: 600)
            try lab.untold("600 clients") { for number in 1...600 { try lab.connect("client \(number)") } }
            for (index, count) in try lab.waiting(group).enumerated() {
                lab.expect("connections at listener \(index + 1)", count, in: 142...258)
            }
        },
        Experiment(
            "reuseport-same-client-same-listener", "The same two addresses and ports always come to the same listener.",
            .answered, pages: ["reuse"], hasDiagram: false,
            because: "The hash is of the two addresses and ports alone, as long as the group stays as it is."
        ) { lab in
            let group = try lab.group(4)
            var places: Set<Int> = []
            try lab.untold("a client from port 40000, twelve times") {
                for _ in 1...12 { places.insert(try place(of: 40000, lab, group)) }
            }
            lab.expect("listeners that it came to", places.count, is: "1")
        },
        Experiment(
            "reuseport-three-servers-two-clients",
            "Of three clients of three servers that serve one at a time, often only two are served: chance, not the kernel's wish.",
            belief:
                "Of three server processes only two can be connected at once, since Linux keeps one waiting in accept.",
            .isFalse, kind: .statistical, pages: ["reuse", "herd"],
            because: """
                The open question of the first article. Each client is given to one of three listeners by a hash, when its \
                SYN arrives, whether that one is free or not. All three are different in 3!/27 = 22 % of the cases, two in \
                67 %, and in 11 % all three clients queue at one server. In 400 trials the shares may differ by five \
                standard deviations.
                """
        ) { lab in
            let group = try lab.group(3)
            var served = [0, 0, 0, 0]
            try lab.untold("400 times three clients") {
                for _ in 1...400 {
                    let clients = try (1...3).map { try lab.connect("client \($0)") }
                    served[try lab.waiting(group).filter { $0 > 0 }.count] += 1
                    for client in clients { try lab.reset(client) }
                    try empty(lab, group)
                }
            }
            lab.expect("trials in which three clients were served", served[3], in: 47...131)
            lab.expect("trials in which two were", served[2], in: 220...314)
            lab.expect("trials in which one was", served[1], in: 13...76)
        },
        Experiment(
            "reuseport-stranded-client",
            "A client may wait in the queue of a busy server while another server of its group has nothing to do.",
            belief: "A connection goes to a server that waits for one.", .isFalse, pages: ["reuse", "herd"],
            hasDiagram: false,
            because: """
                Its listener was chosen when its SYN came. The client is connected, as far as it knows, and in a queue that \
                nobody looks at; no other process can take it from there. One shared listener has no such client.
                """
        ) { lab in
            let group = try lab.group(2)
            // The first one is busy with a client; the second one waits.
            var stranded: LabSocket?
            for number in 1...64 where stranded == nil {
                let client = try lab.untold { try lab.connect("client \(number)") }
                if try lab.queue(group[0]).waiting == 1 {
                    stranded = client
                } else {
                    try lab.untold { try empty(lab, group) }
                }
            }
            guard let stranded else { throw LabFailure("64 clients in a row came to the second listener") }
            let idle = try lab.background("idle server") { () throws(Errno) in try group[1].accept().remote }
            try lab.waitUntilBlocked(idle, on: group[1])
            try lab.expect(stranded, is: "ESTABLISHED")
            lab.expect("what waits at the busy server", try lab.queue(group[0]).waiting, is: "1")
            try lab.pause(.milliseconds(300))
            lab.expect("the idle server has got it", idle.isFinished, is: "false")
        },
        Experiment(
            "shared-listener-strands-nobody", "One listener for three servers serves three clients, every time.",
            .answered,
            pages: ["herd"], hasDiagram: false,
            because:
                "There is one queue, and whoever is free takes from it: the kernel need not guess who that will be."
        ) { lab in
            let listener = try lab.listener()
            var served = 0
            try lab.untold("20 times three clients, and three servers that serve one each") {
                for _ in 1...20 {
                    let servers = try (1...3).map { number in
                        try lab.background("server \(number)") { () throws(Errno) in try listener.accept() }
                    }
                    for server in servers { try lab.waitUntilBlocked(server, on: listener) }
                    let clients = try (1...3).map { try lab.connect("client \($0)") }
                    for server in servers {
                        try server.value().close()
                        served += 1
                    }
                    for client in clients { try lab.close(client) }
                }
            }
            lab.expect("clients served", served, is: "60")
        },
        Experiment(
            "reuseport-stuck-member",
            "A member that accepts nothing keeps its share: those clients hang, and then all time out.",
            .answered, kind: .statistical, pages: ["reuse", "backlog"],
            because: """
                The kernel gives it connections like the others. When its queue is full their SYNs are dropped, though its \
                neighbours have room. Of 90 clients of three members 30 are meant for it, give or take 4.5; three are queued.
                """
        ) { lab in
            let stuck = try lab.listener("stuck", [.reuseAddress, .reusePort], backlog: 2)
            _ = try lab.group(2)
            let clients = try lab.untold("90 clients") { try (1...90).map { try lab.connecting("client \($0)") } }
            try lab.expectQueue(stuck, 3, of: 2)
            let hanging = try clients.filter { try $0.wait(for: .writable, within: .zero).isEmpty }.count
            lab.expect("clients that hang", hanging, in: 5...50)
        },
        Experiment(
            "reuseport-second-start",
            "With both options a server can be started twice by mistake, and the two share the clients.",
            belief: "reuse_address and reuse_port are both good to have.", .onlyIf("that is what one wants"),
            kind: .statistical, pages: ["reuse"],
            because:
                "EADDRINUSE would have told that the old server is still there. Now half of the clients talk to it."
        ) { lab in
            let old = try lab.listener("old", [.reuseAddress, .reusePort])
            try lab.expect("starting it again", is: "OK") { try lab.listener("new", [.reuseAddress, .reusePort]) }
            try lab.untold("100 clients") { for number in 1...100 { try lab.connect("client \(number)") } }
            lab.expect("clients of the old one", try lab.queue(old).waiting, in: 25...75)
        },
    ]

    /// Takes everything from the queues, and closes it.
    static func empty(_ lab: Stage, _ group: [LabSocket]) throws {
        for listener in group {
            while try lab.queue(listener).waiting > 0 { _ = try listener.accept() }
        }
    }

    /// Which member a client from this port comes to.
    static func place(of port: Int, _ lab: Stage, _ group: [LabSocket]) throws -> Int {
        let client = try lab.connect(from: "127.0.0.1:\(port)", [.reuseAddress])
        guard let place = try lab.waiting(group).firstIndex(of: 1) else {
            throw LabFailure("no listener got the client")
        }
        try lab.reset(client)
        try empty(lab, group)
        return place
    }
}
