import BerthLab
import BerthSystem
import TestSupport
import Testing

/// `berth lab`, as people and scripts run it: one after the other, since each takes networks, processes and time.
@Suite(.serialized, .enabled(if: PrivateNetwork.isAvailable)) struct LabCommandTests {
    private func lab(_ arguments: String...) async throws -> (end: ProcessEnd, standard: String, error: String) {
        try await onOwnThread { try run(try Program.buildDirectory() + "/berth", ["lab"] + arguments) }
    }

    /// Experiments of several kinds: deterministic, with a second host, with a process, with statistics.
    private static let ten = [
        "restart-server-closed-first", "restart-client-closed-first", "reuse-two-may-bind-one-may-listen", "backlog-0",
        "backlog-negative", "rst-unread-data", "queued-client-resets", "self-connect", "bind-needs-an-own-address",
        "kept-listener-loses-nobody",
    ]

    /// Experiments with resets, retries, crossing FINs, a connection with itself, and lost third packets.
    private static let withPackets = [
        "restart-server-closed-first", "restart-client-closed-first", "restart-after-reset", "backlog-0",
        "rst-unread-data", "queued-client-resets", "self-connect", "kept-listener-loses-nobody", "time-wait-both-sides",
        "third-packet-meets-full-queue",
    ]

    @Test func `an experiment is shown with its packets and its comparisons`() async throws {
        let (end, text, error) = try await lab("run", "backlog-negative")
        #expect(end == .exited(code: 0))
        #expect(error.isEmpty)
        #expect(text.hasPrefix("backlog-negative: A negative backlog is the largest one possible.\n"))
        #expect(text.hasSuffix("\nbacklog-negative: as claimed, 1 comparison\n"))
        #expect(text.contains("= what waits at listener: 0 of 77\n"))
    }

    @Test(arguments: ten)
    func `a reversed comparison fails, and says what was seen instead`(_ id: String) async throws {
        let (end, text, _) = try await lab("run", id, "--reverse", "1")
        #expect(end == .exited(code: 1))
        #expect(text.contains("\(id): NOT as claimed; "))
        #expect(text.contains(": expected anything but "))
        #expect(text.contains(", seen instead: "))
    }

    @Test func `several are a table with a count at its end`() async throws {
        let (end, text, _) = try await lab("run", "backlog-negative", "backlog-above", "--jobs", "1")
        #expect(end == .exited(code: 0))
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.first == "Backlog and its two queues")
        #expect(lines[1].hasPrefix("  backlog-negative         as claimed      1/1  "))
        #expect(lines[2].hasPrefix("  backlog-above-somaxconn  as claimed      1/1  "))
        #expect(lines.suffix(3) == ["", "2 experiments: 2 as claimed", ""])
    }

    @Test func `what is not an experiment is a usage error`() async throws {
        let (end, _, error) = try await lab("run", "nothing-like-it")
        #expect(end == .exited(code: 2))
        #expect(error.contains("there is no experiment \"nothing-like-it\"; berth lab lists them."))
        let (second, _, more) = try await lab("run", "backlog", "--pcap", "/dev/null")
        #expect(second == .exited(code: 2))
        #expect(more.contains("--pcap is for one experiment; backlog names "))
    }

    @Test func `show tells claim and reason without running anything`() async throws {
        let (end, text, _) = try await lab("show", "backlog-negative")
        #expect(end == .exited(code: 0))
        #expect(
            text == """
                backlog-negative (Backlog and its two queues)

                Claim: A negative backlog is the largest one possible.
                What people say: A backlog below 0 is set to 0.
                That is only if the program is in Python, which does that itself.

                The kernel compares it as an unsigned number: -1 is above every limit, and becomes net.core.somaxconn.

                Run it:  berth lab run backlog-negative
                More:    berth explain backlog

                """)
    }

    @Test func `a plain user has the lab through a user namespace, or is told what is missing`() async throws {
        let program = try Program(
            "setpriv",
            [
                "--reuid=65534", "--regid=65534", "--clear-groups", try Program.buildDirectory() + "/berth", "lab",
                "run",
                "restart-server-closed-first", "bind-needs-an-own-address", "reuseport-same-user",
            ])
        let (end, text, error) = try await onOwnThread { try program.end() }
        if end == .exited(code: 3) {
            #expect(
                error.hasPrefix("berth: experiments need a private network, which takes root (CAP_SYS_ADMIN) or a "))
            return
        }
        #expect(end == .exited(code: 0), "\(error)")
        #expect(text.contains("  reuseport-same-user          skipped         0/0  0.00 s  it needs a second user"))
        #expect(text.hasSuffix("3 experiments: 2 as claimed, 1 skipped\n"))
    }

    @Test func `where private networks cannot be had, a sentence says what is missing, and the exit code is 3`()
        async throws
    {
        // A user namespace that allows neither networks nor further user namespaces.
        let script =
            "echo 0 > /proc/sys/user/max_user_namespaces; echo 0 > /proc/sys/user/max_net_namespaces; exec \"$0\" lab run all"
        let (end, text, error) = try await onOwnThread {
            try run("unshare", ["-Ur", "sh", "-c", script, try Program.buildDirectory() + "/berth"])
        }
        #expect(end == .exited(code: 3))
        #expect(text.isEmpty)
        #expect(
            error
                == "berth: experiments need a private network, which takes root (CAP_SYS_ADMIN) or a kernel that lets plain "
                + "users make user namespaces (user.max_user_namespaces above 0); no space is left on the device (ENOSPC)\n"
        )
    }

    @Test func `SIGKILL in the middle of an experiment leaves no process and no namespace`() async throws {
        try await onOwnThread {
            let program = try Program.berth(
                "lab", "run", "kept-listener-loses-nobody", "reuseport-balance", "--jobs", "1")
            // Its worker is seen before it is over; if not, there is nothing to be left.
            let patience = Deadline.after(.seconds(60))
            var worker: Int32?
            while worker == nil, !patience.hasPassed { worker = Self.partProcess(of: program.pid) }
            let pid = try #require(worker)
            let namespace = try Kernel.linkTarget("/proc/\(pid)/ns/net")
            #expect(namespace != (try Kernel.linkTarget("/proc/self/ns/net")))
            program.signal(.kill)
            _ = try program.end()
            let limit = Deadline.after(.seconds(60))
            while Self.processes(in: namespace) > 0, !limit.hasPassed {}
            #expect(Self.processes(in: namespace) == 0)
        }
    }

    /// A process that an experiment has started for one of its parts.
    private static func partProcess(of parent: Int32) -> Int32? {
        for name in (try? Kernel.names(inDirectory: "/proc")) ?? [] {
            guard let pid = Int32(name), let line = try? Kernel.contents(of: "/proc/\(pid)/cmdline"),
                String(decoding: line, as: UTF8.self).hasPrefix("berth\0lab\0part\0kept-listener-loses-nobody\0"),
                let status = try? Kernel.contents(of: "/proc/\(pid)/status"),
                String(decoding: status, as: UTF8.self).contains("\nPPid:\t\(parent)\n")
            else { continue }
            return pid
        }
        return nil
    }

    /// How many processes there are in a network namespace.
    private static func processes(in namespace: String) -> Int {
        ((try? Kernel.names(inDirectory: "/proc")) ?? []).count { name in
            Int32(name) != nil && (try? Kernel.linkTarget("/proc/\(name)/ns/net")) == namespace
        }
    }

    /// Wireshark's reader, which has nothing in common with Berth's.
    private static let hasTShark = (try? run("tshark", ["--version"]).end) == .exited(code: 0)

    @Test(.enabled(if: hasTShark, "tshark is not installed"), arguments: withPackets)
    func `tshark finds no malformed packet, and the same flags and numbers`(_ id: String) async throws {
        let file = "/tmp/berth-lab-\(Kernel.processID)-\(id).pcap"
        defer { try? Kernel.unlink(file) }
        let (end, text, _) = try await lab("run", id, "--pcap", file, "--json")
        #expect(end == .exited(code: 0))
        let ours = text.split(separator: "\"packets\":[").dropFirst().first?.split(separator: "{").map { packet in
            ["flags", "sequence", "acknowledgement", "length"].map { Self.number(String(packet), $0) }
        }
        let (_, table, _) = try await onOwnThread {
            try run(
                "tshark",
                [
                    "-r", file, "-T", "fields", "-e", "tcp.flags", "-e", "tcp.seq", "-e", "tcp.ack", "-e", "tcp.len",
                    "-e", "_ws.malformed",
                ])
        }
        let theirs = table.split(separator: "\n").map { line -> [Int] in
            let fields = line.split(separator: "\t", omittingEmptySubsequences: false)
            #expect(fields[4].isEmpty)
            let flags = Int(fields[0].dropFirst(2), radix: 16) ?? -1
            // tshark shows a number also where the flag says that there is none.
            return [
                flags & 0x3f, Int(fields[1]) ?? -1, flags & 0x10 == 0 ? -1 : Int(fields[2]) ?? -1, Int(fields[3]) ?? -1,
            ]
        }
        #expect(try #require(ours) == theirs)
    }

    private static func number(_ object: String, _ name: String) -> Int {
        guard let rest = object.split(separator: "\"\(name)\":").dropFirst().first else { return -1 }
        return Int(rest.prefix { $0.isNumber }) ?? -1
    }
}
