/// The first article's table, and its addresses.
extension Ports {
    /// A row of the table, and what the kernel says where A is only bound, and where it listens.
    private struct Row {
        var first: String
        var second: String
        var off: String
        var bound: String
        var listening: String
    }

    private static let inUse = "EADDRINUSE"
    private static let rows = [
        Row(first: "192.168.0.1:21", second: "192.168.0.1:21", off: inUse, bound: "OK", listening: inUse),
        Row(first: "192.168.0.1:21", second: "10.0.0.1:21", off: "OK", bound: "OK", listening: "OK"),
        Row(first: "10.0.0.1:21", second: "192.168.0.1:21", off: "OK", bound: "OK", listening: "OK"),
        Row(first: "0.0.0.0:21", second: "192.168.1.0:21", off: inUse, bound: "OK", listening: inUse),
        Row(first: "192.168.1.0:21", second: "0.0.0.0:21", off: inUse, bound: "OK", listening: inUse),
        Row(first: "0.0.0.0:21", second: "0.0.0.0:21", off: inUse, bound: "OK", listening: inUse),
    ]

    static let table: [Experiment] = [
        Experiment(
            "reuse-article-table",
            "The table of the first article, row by row: with SO_REUSEADDR it depends on whether A listens.",
            belief:
                "With SO_REUSEADDR 0.0.0.0 and a specific address go together, and the same address twice never does.",
            .isFalse, pages: ["reuse"], hasDiagram: false,
            because: """
                The table is BSD's. On Linux every overlapping pair behaves alike: refused without the option, allowed with it \
                on both while neither listens, refused once the first one listens. Pairs that do not overlap always go.
                """
        ) { lab in
            try lab.add("192.168.0.1", "10.0.0.1", "192.168.1.0")
            for row in rows {
                func outcome(_ options: [LabOption], listens: Bool) throws -> String {
                    try lab.untold {
                        let first = try lab.bound("A", to: row.first, options)
                        if listens { try lab.listen(first) }
                        defer { try? lab.close(first) }
                        return try lab.outcome { try lab.close(try lab.bound("B", to: row.second, options)) }
                    }
                }
                let pair = "\(row.first) and \(row.second)"
                lab.expect("\(pair), off", try outcome([], listens: false), is: row.off)
                lab.expect("\(pair), on", try outcome([.reuseAddress], listens: false), is: row.bound)
                lab.expect("\(pair), on, A listens", try outcome([.reuseAddress], listens: true), is: row.listening)
            }
        },
        Experiment(
            "bind-needs-an-own-address",
            "An address that is none of the machine's cannot be bound: the article's 192.168.1.0.",
            belief: "The table's example binds 192.168.1.0:21.", .onlyIf("the machine has that very address"),
            because: """
                192.168.1.0 is usually the name of a network and no host's. The kernel binds addresses of its interfaces, \
                and those of broadcast and multicast, unless net.ipv4.ip_nonlocal_bind says otherwise.
                """
        ) { lab in
            try lab.addHost()
            try lab.expect("the name of a network", is: "EADDRNOTAVAIL") { try lab.bound("A", to: "10.0.0.0:21") }
            try lab.expect("a neighbour's address", is: "EADDRNOTAVAIL") { try lab.bound("B", to: "10.0.0.2:21") }
            try lab.expect("an own address", is: "OK") { try lab.bound("C", to: "10.0.0.1:21") }
            try lab.add("192.168.1.0")
            try lab.expect("192.168.1.0 as an address of this host", is: "OK") {
                try lab.bound("D", to: "192.168.1.0:21")
            }
        },
        Experiment(
            "listen-where-nobody-connects",
            "A TCP server may bind and listen on a broadcast or multicast address, where nobody can connect.",
            .answered,
            because: """
                bind(2) takes these addresses because UDP needs them, and listen(2) does not ask again. A connection to \
                them is refused on its way: TCP is between two hosts.
                """
        ) { lab in
            try lab.addHost()
            try lab.expect("a listener on the broadcast address", is: "OK") {
                try lab.listener("broadcast", on: "10.0.0.255:12345")
            }
            try lab.expect("a listener on a multicast address", is: "OK") {
                try lab.listener("multicast", on: "224.0.0.9:12345")
            }
            let outcome = try lab.outcome { try lab.connect(to: "10.0.0.255:12345") }
            lab.expect("a client got through", outcome == "OK", is: "false")
            let second = try lab.outcome { try lab.connect("second", to: "224.0.0.9:12345") }
            lab.expect("another one got through", second == "OK", is: "false")
        },
    ]

    static let dualStack: [Experiment] = [
        Experiment(
            "dual-stack-covers-ipv4", "[::] covers IPv4 as well: it excludes 0.0.0.0 and every IPv4 address.",
            .answered,
            pages: ["dual-stack"],
            because: """
                With IPV6_V6ONLY off, which is the default of most systems, a socket on [::] also takes IPv4, and counts as \
                bound to 0.0.0.0.
                """
        ) { lab in
            try lab.listener("dual", on: "[::]:12345", [.ipv6Only(false)])
            try lab.expect("0.0.0.0 beside it", is: "EADDRINUSE") { try lab.bound("A", to: "0.0.0.0:12345") }
            try lab.expect("127.0.0.1 beside it", is: "EADDRINUSE") { try lab.bound("B") }
            try lab.expect("a client by IPv4", is: "OK") { try lab.connect(to: "127.0.0.1:12345") }
        },
        Experiment(
            "ipv6-only-leaves-ipv4-alone", "With IPV6_V6ONLY [::] and 0.0.0.0 are two places.", .answered,
            pages: ["dual-stack"],
            because: "The socket takes IPv6 alone, so nothing of it overlaps with an address of IPv4."
        ) { lab in
            try lab.listener("six", on: "[::]:12345", [.ipv6Only(true)])
            try lab.expect("0.0.0.0 beside it", is: "OK") { try lab.listener("four", on: "0.0.0.0:12345") }
            try lab.expect("[::1] beside it", is: "EADDRINUSE") { try lab.bound("one", to: "[::1]:12345") }
        },
        Experiment(
            "ipv6-address-beside-ipv4", "A real IPv6 address never stands in the way of IPv4.", .answered,
            pages: ["dual-stack"],
            because: "Only the wildcard can take both families; an address belongs to one."
        ) { lab in
            try lab.listener("six", on: "[::1]:12345", [.ipv6Only(false)])
            try lab.expect("0.0.0.0 beside it", is: "OK") { try lab.listener("four", on: "0.0.0.0:12345") }
        },
        Experiment(
            "dual-stack-remnant-blocks-ipv4-wildcard",
            "What an IPv6 client left at a dual-stack server keeps 0.0.0.0 from being bound, though not 127.0.0.1.",
            .answered, pages: ["dual-stack", "time-wait"],
            because: """
                A quirk: the remnant is an IPv6 connection, but it has kept the listener's word that it also takes IPv4, \
                and is compared with the wildcard by that.
                """
        ) { lab in
            try lab.leaveTimeWait(on: "[::]:12345", [.ipv6Only(false)], to: "[::1]:12345")
            try lab.expect("0.0.0.0", is: "EADDRINUSE") { try lab.bound("A", to: "0.0.0.0:12345") }
            try lab.expect("127.0.0.1", is: "OK") { try lab.bound("B") }
        },
    ]
}
