/// SO_REUSEPORT: who may share a port.
extension Ports {
    static let sharing: [Experiment] = [
        Experiment(
            "reuseport-on-both", "With SO_REUSEPORT on all of them any number of sockets may listen at one address.",
            belief: "SO_REUSEPORT is of BSD, and cannot be used on Linux.", .isFalse, pages: ["reuse"],
            because: "Linux has had it since 3.9 (2013). What the second article found is from before."
        ) { lab in
            try lab.listener("first", [.reusePort])
            try lab.expect("the second listener", is: "OK") { try lab.listener("second", [.reusePort]) }
            try lab.expect("the third listener", is: "OK") { try lab.listener("third", [.reusePort]) }
            try lab.expect("one without the option", is: "EADDRINUSE") { try lab.listener("fourth") }
            try lab.expect("one with SO_REUSEADDR instead", is: "EADDRINUSE") {
                try lab.listener("fifth", [.reuseAddress])
            }
        },
        Experiment(
            "reuseport-set-late", "SO_REUSEPORT may be set on a socket that listens already, and counts from then on.",
            belief: "All sockets must have set SO_REUSEPORT before they were bound.", .isFalse, pages: ["reuse"],
            because: """
                The kernel looks at what the option is now, and makes the group when the second socket joins. Clients are \
                spread over both.
                """
        ) { lab in
            let first = try lab.listener("first")
            try lab.expect("a second one", is: "EADDRINUSE") { try lab.listener("second", [.reusePort]) }
            try lab.set(first, .reusePort)
            try lab.expect("a second one, after the first got the option", is: "OK") {
                let second = try lab.listener("second", [.reusePort])
                try lab.untold("60 clients") { for number in 1...60 { try lab.connect("client \(number)") } }
                let queues = (try lab.queue(first).waiting, try lab.queue(second).waiting)
                lab.figure("connections at the first", queues.0)
                lab.figure("connections at the second", queues.1)
                lab.expect("both got some", queues.0 > 0 && queues.1 > 0 && queues.0 + queues.1 == 60, is: "true")
            }
        },
        Experiment(
            "reuseport-taken-back-late", "SO_REUSEPORT that is taken back after listen keeps nobody out.", .answered,
            pages: ["reuse"],
            because: "The listener is part of a group by then, and the group lets others join."
        ) { lab in
            let first = try lab.listener("first", [.reusePort])
            try lab.set(first, .reusePort(false))
            try lab.expect("a second listener", is: "OK") { try lab.listener("second", [.reusePort]) }
        },
        Experiment(
            "reuseport-over-time-wait", "SO_REUSEPORT passes over TIME_WAIT when the old server had it too.",
            belief: "Over TIME_WAIT SO_REUSEADDR is needed on the new socket, or SO_REUSEPORT on both.",
            .onlyIf("SO_REUSEADDR is on both as well"), pages: ["reuse", "time-wait"],
            because:
                "For each of the two options the same holds: the remnant has what its listener had, and both need it."
        ) { lab in
            try lab.leaveTimeWait([.reusePort])
            try lab.expect("a server with SO_REUSEADDR alone", is: "EADDRINUSE") {
                try lab.listener("A", [.reuseAddress])
            }
            try lab.expect("a server with SO_REUSEPORT", is: "OK") { try lab.listener("B", [.reusePort]) }
        },
        Experiment(
            "reuseport-same-user", "SO_REUSEPORT lets only sockets of the same user join, root included.",
            belief: "Linux demands the same user, against port hijacking.", .isTrue, needs: [.otherUser],
            pages: ["reuse"],
            because: "The user who opened the first socket is compared with the user who opened the second, both ways."
        ) { lab in
            try lab.listener("root's", [.reusePort])
            try lab.expect("another user's", is: "EADDRINUSE") {
                _ = try lab.asOtherUser { try lab.listener("other's", [.reusePort]) }
            }
            try lab.asOtherUser { try lab.listener("other's", on: "127.0.0.1:12346", [.reusePort]) }
            try lab.expect("root's beside another user's", is: "EADDRINUSE") {
                try lab.listener("root's second", on: "127.0.0.1:12346", [.reusePort])
            }
        },
        Experiment(
            "reuseport-other-user-over-time-wait",
            "Over what a user left in TIME_WAIT with SO_REUSEPORT, any other user may bind.",
            belief: "Linux demands the same user, against port hijacking.", .onlyIf("the first socket is alive"),
            needs: [.otherUser], pages: ["reuse", "time-wait"],
            because: "A remnant belongs to nobody any more: its user is not compared."
        ) { lab in
            try lab.leaveTimeWait([.reusePort])
            try lab.expect("another user's server", is: "OK") {
                _ = try lab.asOtherUser { try lab.listener("other's", [.reusePort]) }
            }
        },
    ]

    static let datagrams: [Experiment] = [
        Experiment(
            "udp-reuse-last-binder-gets-all",
            "Of UDP sockets that share by SO_REUSEADDR the last one bound gets everything; by SO_REUSEPORT all get some.",
            belief: "SO_REUSEADDR and SO_REUSEPORT do the same.", .isFalse, pages: ["reuse"], hasDiagram: false,
            because: """
                SO_REUSEADDR merely lets the sockets sit at one address, and the kernel finds the newest first. \
                SO_REUSEPORT makes a group, of which a hash of the addresses chooses a member.
                """
        ) { lab in
            func spread(_ option: LabOption, _ address: String) throws -> [Int] {
                let sockets = try (1...3).map { try lab.datagram("receiver \($0)", on: address, [option]) }
                for number in 1...90 {
                    let sender = try lab.datagram("sender \(number)", to: address)
                    _ = try lab.outcome { try lab.send(sender, "x") }
                    try lab.close(sender)
                }
                return sockets.map { lab.datagrams($0) }
            }
            let address = try lab.untold { try spread(.reuseAddress, "127.0.0.1:9001") }
            lab.expect("datagrams by SO_REUSEADDR", "\(address)", is: "[0, 0, 90]")
            let port = try lab.untold { try spread(.reusePort, "127.0.0.1:9002") }
            for (index, count) in port.enumerated() {
                lab.expect("datagrams by SO_REUSEPORT at receiver \(index + 1)", count, in: 8...58)
            }
        },
        Experiment(
            "udp-reuse-can-be-stolen", "Another user may take all datagrams of a UDP socket that has SO_REUSEADDR.",
            .answered, needs: [.otherUser], pages: ["reuse"],
            because:
                "For UDP there is no listen that would claim the address, and SO_REUSEADDR does not ask for the user."
        ) { lab in
            let owner = try lab.datagram("owner", on: "127.0.0.1:9001", [.reuseAddress])
            let thief = try lab.asOtherUser { try lab.datagram("thief", on: "127.0.0.1:9001", [.reuseAddress]) }
            let sender = try lab.datagram("sender", to: "127.0.0.1:9001")
            for _ in 1...3 { try lab.send(sender, "secret") }
            lab.expect("datagrams at the thief", lab.datagrams(thief), is: "3")
            lab.expect("datagrams at the owner", lab.datagrams(owner), is: "0")
        },
        Experiment(
            "multicast-either-option",
            "For a multicast group SO_REUSEADDR on all sockets works, and SO_REUSEPORT on all, and each gets every datagram.",
            belief: "For multicast addresses SO_REUSEADDR and SO_REUSEPORT are exactly the same.",
            .onlyIf("all sockets have the same one of the two"), pages: ["reuse"],
            because: "A datagram to a group is copied to every member; the options only decide who may be one."
        ) { lab in
            for (option, group) in [(LabOption.reuseAddress, "239.1.1.1"), (.reusePort, "239.1.1.2")] {
                let sockets = try (1...3).map { number in
                    try lab.datagram("\(option.text) \(number)", on: "\(group):9001", [option, .joinGroup(group)])
                }
                let sender = try lab.datagram("sender to \(group)", to: "\(group):9001", [.groupsByLoopback])
                for _ in 1...5 { try lab.send(sender, "hello") }
                lab.expect("datagrams with \(option.text)", "\(sockets.map { lab.datagrams($0) })", is: "[5, 5, 5]")
            }
        },
        Experiment(
            "multicast-options-do-not-mix", "For a multicast group SO_REUSEADDR does not go with SO_REUSEPORT.",
            belief: "For multicast addresses SO_REUSEADDR implies SO_REUSEPORT, and the other way round.", .isFalse,
            pages: ["reuse"],
            because: "Each option is compared with itself alone, for groups as for any other address."
        ) { lab in
            try lab.datagram("first", on: "239.1.1.1:9001", [.reuseAddress])
            try lab.expect("a second with SO_REUSEPORT", is: "EADDRINUSE") {
                try lab.datagram("second", on: "239.1.1.1:9001", [.reusePort])
            }
            try lab.expect("a third with both", is: "OK") {
                try lab.datagram("third", on: "239.1.1.1:9001", [.reuseAddress, .reusePort])
            }
        },
    ]
}
