internal import BerthSystem

/// Members that come and go.
extension ReusePortGroups {
    private static let belief = "With SO_REUSEPORT an upgrade is smooth."

    static let replacement: [Experiment] = [
        Experiment(
            "reuseport-closing-member", "A member that closes resets exactly the clients in its queue.", belief: belief,
            .onlyIf("the queue is empty, or net.ipv4.tcp_migrate_req is 1"), pages: ["reuse", "rst"], hasDiagram: false,
            because: """
                A connection that nobody has accepted belongs to its listener, and goes with it, though the rest of the group \
                could have taken it.
                """
        ) { lab in
            let group = try lab.group(2)
            let clients = try lab.untold("40 clients") { try (1...40).map { try lab.connect("client \($0)") } }
            let waiting = try lab.waiting(group)
            lab.figure("waited at the closed one", waiting[0])
            try lab.close(group[0])
            lab.expect("clients reset", "\(try lab.resets(clients)) of 40", is: "\(waiting[0]) of 40")
            try lab.expectQueue(group[1], waiting[1])
        },
        Experiment(
            "reuseport-migration", "With net.ipv4.tcp_migrate_req the queue of a closing member goes to the others.",
            belief: belief, .onlyIf("the queue is empty, or net.ipv4.tcp_migrate_req is 1"), pages: ["reuse"],
            hasDiagram: false,
            because: "Since Linux 5.14 the kernel can hand what waits to another member. It is off by default."
        ) { lab in
            try lab.set("net.ipv4.tcp_migrate_req", to: 1)
            let group = try lab.group(2)
            let clients = try lab.untold("40 clients, each with a request") {
                try (1...40).map { number in
                    let client = try lab.connect("client \(number)")
                    try lab.send(client, "hello")
                    return client
                }
            }
            try lab.close(group[0])
            lab.expect("clients reset", try lab.resets(clients), is: "0")
            try lab.expectQueue(group[1], 40)
            let requests = try lab.untold {
                try (1...40).filter { _ in
                    let server = try lab.accept(group[1])
                    defer { try? lab.close(server) }
                    return lab.receive(server).text == "hello"
                }.count
            }
            lab.expect("requests that the other one reads", requests, is: "40")
        },
        Experiment(
            "reuseport-half-open-member", "A client whose handshake ends after its member has closed is reset, too.",
            belief: belief, .onlyIf("net.ipv4.tcp_migrate_req is 1"), kind: .statistical, pages: ["reuse", "rst"],
            because: """
                Its SYN-ACK came from the listener that is gone, and its ACK finds nobody. About half of 24 clients are the \
                closed member's.
                """
        ) { lab in
            let group = try lab.group(2)
            for listener in group { try lab.deafen(listener, .handshakeEnds) }
            let clients = try lab.untold("24 clients, whose third packets are late") {
                try (1...24).map { try lab.connect("client \($0)") }
            }
            try lab.close(group[0])
            try lab.undeafen(group[1])
            try lab.untold("each sends its request") {
                for client in clients { _ = try lab.outcome { try lab.send(client, "hello") } }
            }
            try lab.expectSoon("clients that are reset or queued", is: "24") {
                "\(try lab.counter("Tcp.OutRsts") + (try lab.queue(group[1]).waiting))"
            }
            lab.expect("clients reset", try lab.resets(clients), in: 1...23)
        },
        Experiment(
            "reuseport-dropped-syns-recover",
            "Clients that hung at a full member get in at another one when that closes.",
            .answered, kind: .statistical, pages: ["reuse", "backlog"],
            because: "A dropped SYN left no trace: the next one is given to a member of the group as it is then."
        ) { lab in
            let full = try lab.listener("full", [.reuseAddress, .reusePort], backlog: 0)
            _ = try lab.group(1)
            let clients = try lab.untold("24 clients") { try (1...24).map { try lab.connecting("client \($0)") } }
            try lab.expectQueue(full, 1, of: 0)
            let hanging = try clients.filter { try $0.wait(for: .writable, within: .zero).isEmpty }
            lab.figure("clients that hung", hanging.count)
            try lab.close(full)
            let outcomes = lab.untold { hanging.map { lab.connected($0) } }
            lab.expect("clients that hang on", outcomes.filter { $0 != "OK" }.count, is: "0")
        },
        Experiment(
            "reuseport-new-member-moves-half", "A member more moves half of the clients to another one than before.",
            .answered, kind: .statistical, pages: ["reuse"],
            because: """
                The hash is scaled to the size of the group: from two to three members the borders move, and half of all \
                hashes lie on another side (a sixth and a third). Nothing that remembers a client by its worker survives that.
                """
        ) { lab in
            var group = try lab.group(2)
            let ports = 30_001...30_200
            let (before, after) = try lab.untold("200 client ports, before and after") {
                let before = try ports.map { try place(of: $0, lab, group) }
                group.append(try lab.listener("listener 3", [.reuseAddress, .reusePort]))
                return (before, try ports.map { try place(of: $0, lab, group) })
            }
            lab.expect("clients moved, of 200", zip(before, after).filter { $0 != $1 }.count, in: 64...136)
        },
        Experiment(
            "reuseport-drained-member",
            "A member that accepts until nothing is left and closes then resets nobody in its queue.",
            belief: belief, .onlyIf("nothing arrives between the last accept and the close"), pages: ["reuse"],
            hasDiagram: false,
            because: """
                What was queued is served. A client that arrives between the last EAGAIN and the close is lost all the same: \
                under 29,000 connections a second 4 of 233,936 were, against 81 with a plain close.
                """
        ) { lab in
            let group = try lab.group(2)
            let clients = try lab.untold("40 clients") { try (1...40).map { try lab.connect("client \($0)") } }
            let waiting = try lab.queue(group[0]).waiting
            let accepted = try lab.untold { try (0..<waiting).map { try lab.accept(group[0], "server \($0)") } }
            try lab.close(group[0])
            lab.expect("clients reset", try lab.resets(clients), is: "0")
            lab.expect("clients accepted before", accepted.count == waiting, is: "true")
        },
        Experiment(
            "kept-listener-loses-nobody",
            "While someone keeps a descriptor of the listener, workers may close theirs and nothing is lost: Berth's way.",
            .answered, pages: ["reuse", "descriptors"], hasDiagram: false,
            because: """
                The queue belongs to the socket and not to a process. A harbour opens each berth once and lends it to workers; \
                what waits when one goes is accepted by the next.
                """,
            parts: [
                "worker": { part in
                    _ = try part.hear()
                    let first = try part.sockets[0].accept()
                    try part.say(String(decoding: try first.receive(100), as: UTF8.self))
                    _ = try part.hear()
                }
            ]
        ) { lab in
            let berth = try lab.listener("berth")
            let clients = try lab.untold("40 clients, each with a request") {
                try (1...40).map { number in
                    let client = try lab.connect("client \(number)")
                    try lab.send(client, "hello")
                    return client
                }
            }
            let old = try lab.process("the old worker", "worker", inheriting: [berth])
            try old.tell()
            lab.expect("what the old worker read", try old.hear() ?? "nothing", is: "hello")
            old.end()
            lab.note("the old worker is killed")
            let new = try lab.process("the new worker", "worker", inheriting: [berth])
            try new.tell()
            lab.expect("what the new worker read", try new.hear() ?? "nothing", is: "hello")
            lab.expect("clients reset", try lab.resets(Array(clients.dropFirst(2))), is: "0")
            try lab.expectQueue(berth, 38)
        },
        Experiment(
            "berth-reload-loses-nobody",
            "berth replaces all its workers while clients come, and every client is served.",
            belief: "A restart costs some connections.", .isFalse, pages: ["reuse"], hasDiagram: false,
            because: """
                The harbour holds the listener. New workers accept from it before the old ones stop to, and those finish what \
                they have. Here clients come one after the other until no worker of the beginning is left.
                """
        ) { lab in
            let service = try lab.berth(
                "service",
                [
                    "serve", Stage.address, "--service", "echo", "--model", "process-pool", "--workers", "2",
                    "--control",
                    "none", "--patience", "1",
                ])
            try lab.expectSoon("workers", is: "2", within: .seconds(60)) { "\(try service.children().count)" }
            try lab.expectSoon("the service", is: "OK", within: .seconds(60)) {
                try lab.untold { try lab.outcome { try lab.close(try lab.connect()) } }
            }
            let before = Set(try service.children())
            try service.signal(.hangUp)
            var (clients, served) = (0, 0)
            let patience = Deadline.after(.seconds(60))
            try lab.untold("clients come, and the service is told to reload") {
                while try clients < 200 || !before.isDisjoint(with: service.children()), !patience.hasPassed {
                    clients += 1
                    let client = try lab.connect("client \(clients)")
                    try lab.send(client, "hello \(clients)")
                    if lab.receive(client).text == "hello \(clients)" { served += 1 }
                    try lab.close(client)
                }
            }
            lab.figure("clients", clients)
            lab.expect("clients that were not served", clients - served, is: "0")
            lab.expect(
                "workers of the beginning that are left", before.intersection(try service.children()).count, is: "0")
            try service.signal(.terminate)
            try service.waitForEnd()
        },
    ]
}
