internal import BerthSystem

/// Herds and wake-ups.
enum Herds {
    private static let threads = 8
    private static let connections = 40
    private static let belief = "Since Linux 2.6 there is no thundering herd any more."

    static let all: [Experiment] = [
        herd(
            "herd-accept", "A connection wakes exactly one of the threads that wait in accept, and each in its turn.",
            .onlyIf("all wait in a blocking accept"), .accept, wakeUps: 1...1.1,
            because: """
                Each waits exclusively, and joins the queue of waiters at its end: the kernel wakes the first one alone, and \
                who waits longest is next. So eight threads serve forty connections with five each.
                """
        ) { lab, herd in lab.expect("connections of each thread", "\(Set(herd.served).sorted())", is: "[5]") },
        herd(
            "herd-poll", "A connection wakes all threads that wait in poll on the same listener.", .isFalse, .poll,
            wakeUps: 3...9,
            because: """
                poll(2), select(2) and epoll do not wait exclusively: they only ask whether something can be done, and whoever \
                asks is told. One gets the connection, the others see EAGAIN or sleep again. In Python settimeout on a listener \
                turns its accept into a poll.
                """
        ),
        herd(
            "herd-epoll", "Threads with an epoll each, on one listener, are all woken by each connection.", .isFalse,
            .ownEpoll(.readable), wakeUps: 3...9,
            because: "Each epoll is a waiter of its own, and not an exclusive one."
        ),
        herd(
            "herd-epoll-edge-triggered", "EPOLLET does not help: with an epoll each, all are still woken.", .isFalse,
            .ownEpoll([.readable, .edgeTriggered]), wakeUps: 3...9,
            because: "Edge-triggered says how often one epoll tells of an event, not how many epolls are told."
        ),
        herd(
            "herd-epoll-exclusive",
            "With EPOLLEXCLUSIVE a connection wakes one thread: the same one, as long as it keeps up.",
            .onlyIf("the program asks for it"), .ownEpoll([.readable, .exclusive]), wakeUps: 1...1.3,
            because: """
                Exclusive waiters of epoll stand at the front of the queue and keep their place: the one that came last is woken \
                each time. That is no balance. Under load the first is busy, and the next one is woken.
                """
        ) { lab, herd in
            lab.expect("connections of the busiest thread", herd.served.max() ?? 0, in: 36...40)
        },
        herd(
            "herd-shared-epoll", "Threads that share one epoll are woken one by one, with EPOLLET.",
            .onlyIf("EPOLLET is set"),
            .sharedEpoll([.readable, .edgeTriggered]), wakeUps: 1...1.3,
            because: "Waiters of one epoll are exclusive among themselves, and an edge is reported to one of them."
        ),
        herd(
            "herd-shared-epoll-level-triggered",
            "Threads that share one epoll without EPOLLET are woken one after another as long as nobody has accepted.",
            .onlyIf("EPOLLET is set"), .sharedEpoll(.readable), wakeUps: 1...8.5,
            because: """
                Each thread that is told of the connection leaves the event in place for the next one, until one of them has \
                taken it. How many that are is a race.
                """
        ),
        Experiment(
            "herd-accept-processes",
            "Processes that wait in accept on an inherited listener are woken one by one, too.",
            belief: belief, .onlyIf("all wait in a blocking accept"), kind: .statistical, pages: ["herd"],
            because: """
                The queue of waiters belongs to the socket, whoever the waiters are. That is the article's server of ten \
                processes.
                """,
            parts: [
                "waiter": { part in
                    var served = 0
                    let before = Kernel.threadSleeps
                    // Ends when the experiment shuts the listener.
                    while let connection = try? part.sockets[0].accept() {
                        served += 1
                        try connection.close()
                    }
                    try part.say("\(served) \(Kernel.threadSleeps - before - 1)")
                    _ = try part.hear()
                }
            ]
        ) { lab in
            let listener = try lab.listener()
            let waiters = try (1...4).map { try lab.process("waiter \($0)", "waiter", inheriting: [listener]) }
            func settle() throws { for waiter in waiters { try lab.waitUntilAsleep(waiter) } }
            try settle()
            try lab.untold("20 clients come one by one") {
                for number in 1...20 {
                    let client = try lab.connect("client \(number)")
                    _ = lab.receive(client)
                    try lab.close(client)
                    try settle()
                }
            }
            try lab.shut(listener, .both)
            let tallies = try waiters.map { try $0.hear()?.split(separator: " ").compactMap { Int($0) } ?? [] }
            lab.expect("connections of each process", "\(Set(tallies.map { $0.first ?? 0 }).sorted())", is: "[5]")
            let wakeUps = tallies.map { $0.last ?? 0 }.reduce(0, +)
            lab.expect("wake-ups for each connection", Double(wakeUps) / 20, in: 1...1.1)
        },
        Experiment(
            "herd-reuseport",
            "With a listener for each thread (SO_REUSEPORT) a connection wakes one thread, and all get some.",
            belief: belief, .isTrue, kind: .statistical, pages: ["herd", "reuse"],
            because: "The kernel chooses the listener by a hash of the addresses, and only one thread waits at each."
        ) { lab in
            let listeners = try lab.untold { try (1...4).map { try lab.listener("listener \($0)", [.reusePort]) } }
            let herd = try lab.untold { try Herd.watch(lab, at: listeners, threads: 4, connections: 80, .accept) }
            lab.expect("wake-ups for each connection", Double(herd.wakeUps) / 80, in: 1...1.1)
            for (index, count) in herd.served.enumerated() {
                lab.expect("connections of thread \(index + 1)", count, in: 3...42)
            }
        },
    ]

    private static func herd(
        _ id: String, _ claim: String, _ verdict: Verdict, _ waiting: Herd.Waiting, wakeUps: ClosedRange<Double>,
        because explanation: String,
        then: @escaping @Sendable (_ lab: Stage, _ herd: Herd) throws -> Void = { _, _ in }
    ) -> Experiment {
        Experiment(
            id, claim, belief: belief, verdict, kind: .statistical, pages: ["herd"], because: explanation
        ) { lab in
            let listener = try lab.listener()
            let herd = try lab.untold("\(threads) threads wait; \(connections) clients come one by one") {
                try Herd.watch(lab, at: [listener], threads: threads, connections: connections, waiting)
            }
            lab.expect("connections served", herd.served.reduce(0, +), is: "\(connections)")
            lab.expect("wake-ups for each connection", Double(herd.wakeUps) / Double(connections), in: wakeUps)
            try then(lab, herd)
        }
    }
}
