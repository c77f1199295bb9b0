internal import BerthSockets
internal import BerthSystem

/// The address cannot be bound, whoever else is there.
extension BindExplanation {
    /// B022 for EACCES.
    func notAllowed(_ errno: Errno) -> Finding {
        guard let port = attempt.address.port else { return refused(errno) }
        let user = Printable(evidence.users[attempt.user])
        guard case .known(let first) = evidence.settings.firstUnprivilegedPort, port < first else {
            return refused(errno)
        }
        var finding = Finding(
            code: .bindRefused,
            headline: "\(attempt.address) cannot be bound by user \(user): ports below \(first) need "
                + "CAP_NET_BIND_SERVICE",
            evidence: [
                .init("bind: \(errno)", source: "the bind that failed"),
                .init("\(first)", source: "/proc/sys/net/ipv4/ip_unprivileged_port_start"),
            ],
            meaning: "the kernel keeps low ports for those with the right to them.",
            fixes: [
                "give the program the right: setcap cap_net_bind_service=+ep PROGRAM, or "
                    + "AmbientCapabilities=CAP_NET_BIND_SERVICE in its systemd unit",
                "or let everyone bind it: sysctl -w net.ipv4.ip_unprivileged_port_start=\(port)",
                "or bind a port from \(first) on",
            ],
            verification: "grep CapEff /proc/PID/status (bit 10 is CAP_NET_BIND_SERVICE)",
            summary: "ports below \(first) need CAP_NET_BIND_SERVICE, which user \(user) does not have here")
        switch evidence.settings.mayBindAnyPort {
        case .known(false): finding.evidence.append(.init("CAP_NET_BIND_SERVICE off", source: "/proc/self/status"))
        case .known(true):
            finding.confidence = .possible
            finding.disproof = "the right is given, as CapEff says: it does not count in another user namespace"
        case .unknown(let gap): finding.gaps.append("the capabilities of this process: \(gap)")
        }
        return finding
    }

    /// B022 for EADDRNOTAVAIL.
    func notOfThisMachine(_ errno: Errno) -> Finding {
        guard let port = attempt.address.port else { return refused(errno) }
        let host = hostText(attempt.address)
        var finding = Finding(
            code: .bindRefused,
            headline: "\(attempt.address) cannot be bound: \(host) is not an address of this machine",
            evidence: [.init("bind: \(errno)", source: "the bind that failed")],
            meaning: "a socket can only be bound to an address of an interface in its own network namespace.",
            fixes: [
                "bind one of the addresses above, or every one of them: "
                    + (attempt.address.family == SocketAddress.ipv4(.any, port: 0).family ? "0.0.0.0" : "[::]")
                    + ":\(port)"
            ],
            verification: "ip -brief address",
            summary: "\(host) is not an address of this machine")
        switch evidence.settings.addresses {
        case .known(let addresses):
            let own = addresses.filter { $0.family == attempt.address.family }
            let texts = own.map(hostText)
            finding.evidence.append(
                .init(
                    texts.isEmpty ? "no interface has an address of this family" : "addresses: \(listed(texts))",
                    source: "getifaddrs"))
            if texts.isEmpty { finding.fixes = ["bind an address of the other family, or give an interface one"] }
            if own.contains(where: { $0.withPort(0) == attempt.address.withPort(0) }) {
                finding.confidence = .possible
                finding.headline = "\(attempt.address) cannot be bound: \(host) is not usable yet, or no longer"
                finding.summary = "\(host) is on an interface, but not usable yet, or no longer"
                finding.meaning = "a new IPv6 address is tentative until the network has been asked for duplicates."
                finding.fixes = ["try again in two seconds"]
                finding.disproof = "it stays so for more than a few seconds"
            }
        case .unknown(let gap): finding.gaps.append("the addresses of this machine: \(gap)")
        }
        return finding
    }

    /// B022 for everything else that bind(2) may say.
    func refused(_ errno: Errno) -> Finding {
        var fixes: [String] = []
        if case .ipv6(let address, let port) = attempt.address, address.isLinkLocal, address.scope == 0 {
            fixes.append("name the interface of the link-local address: [\(address)%INTERFACE]:\(port)")
        }
        return Finding(
            code: .bindRefused, headline: "\(attempt.address) cannot be bound: \(errno)",
            evidence: [.init("bind: \(errno)", source: "the bind that failed")],
            meaning: "the kernel refused the address itself; no other socket has to do with it.", fixes: fixes,
            summary: "the kernel refused the address itself")
    }

    /// B013: port 0 asks for any free port, and there is none.
    func portsExhausted() -> Finding {
        let range = evidence.settings.ephemeralPorts.value
        let text = range.map { "\($0.lowerBound) to \($0.upperBound)" } ?? "of the range for it"
        return Finding(
            code: .portsExhausted,
            headline: "\(attempt.address) cannot be bound: no port is free in \(text)",
            evidence: [.init(text, source: "/proc/sys/net/ipv4/ip_local_port_range")],
            meaning: "port 0 asks for a free port of that range, and each one is in use.",
            fixes: [
                "name a port outside of the range",
                "or widen it: sysctl -w net.ipv4.ip_local_port_range='10240 65535'",
            ], verification: "ss -s", summary: "no local port is free in \(text)")
    }

    /// B027: the kernel says "in use" and shows nothing that uses it.
    func nothingVisible() -> Finding {
        var gaps: [String] = []
        if case .unknown(let gap) = evidence.holders { gaps.append("the sockets of this machine (sock_diag): \(gap)") }
        if evidence.isUncertain { gaps.append("all sockets: the kernel's list changed while it was read") }
        if let kernel = evidence.settings.kernel.value, kernel < .init(major: 6, minor: 8) {
            gaps.append("sockets that are bound and do not listen: Linux \(kernel) lists them only from 6.8 on")
        }
        let couldLook = evidence.holders.value != nil
        return Finding(
            code: .nothingVisible, confidence: .possible,
            headline: couldLook
                ? "\(attempt.address) was in use, and nothing that holds it can be seen now"
                : "\(attempt.address) is in use; who holds it could not be looked at",
            evidence: [.init("bind: \(Errno.addressInUse)", source: "the bind that failed")]
                + (couldLook ? [.init("no socket with this port stands in the way", source: "sock_diag")] : []),
            gaps: gaps,
            meaning: couldLook
                ? "what held the address ended between the bind and this look, or is a socket that is not listed."
                : "the kernel refused the bind, and did not tell about its sockets.",
            fixes: ["try again", "bind another port, or port 0 for one that is free"], verification: bindProbe,
            summary: couldLook
                ? "nothing that holds it can be seen now: it may just have ended"
                : "who holds it could not be looked at: "
                    + (evidence.holders.gap.map { "\($0)" } ?? "the kernel did not tell"))
    }

    private func hostText(_ address: SocketAddress) -> String {
        switch address {
        case .ipv4(let address, _): "\(address)"
        case .ipv6(let address, _): "\(address)"
        case .unix, .abstract, .unnamed: "\(address)"
        }
    }
}
