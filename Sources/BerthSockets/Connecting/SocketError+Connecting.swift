internal import BerthSystem

extension SocketError {
    /// What to say when no address could be connected to.
    ///
    /// - Parameters:
    ///   - place: what the user asked for.
    ///   - time: the time within which it had to be done, when that is what ended it.
    static func connecting(
        to place: String, _ attempts: [ConnectAttempt], within time: Duration? = nil
    ) -> SocketError {
        let failures = Set(attempts.map(\.failure))
        if let time {
            var error = SocketError.deadline(.connect, address: place, nothingHappened: "connection", within: time)
            error.attempts = attempts
            // One address that did not answer is what the sentence says already.
            if attempts.count > 1 { error.hint = "tried \(list(attempts))" }
            return error
        }
        guard failures.count == 1, let errno = attempts.first?.failure else {
            return SocketError(
                .connect, address: place, detail: "none of its addresses could be reached: \(list(attempts))",
                attempts: attempts)
        }
        var hint = attempts.first.flatMap { hintForConnecting(to: $0.address, errno) }
        if attempts.count > 1 || attempts.first?.address.description != place {
            let tried = "tried \(attempts.map(\.address.description).joined(separator: " and "))"
            hint = hint.map { "\(tried); \($0)" } ?? tried
        }
        return SocketError(.connect, address: place, errno: errno, hint: hint, attempts: attempts)
    }

    private static func list(_ attempts: [ConnectAttempt]) -> String {
        attempts.map(\.description).joined(separator: ", ")
    }

    private static func hintForConnecting(to address: SocketAddress, _ errno: Errno) -> String? {
        switch (errno, address) {
        case (.connectionRefused, .unix): "the file is there, but the server that made it is gone"
        case (.noSuchFile, .unix): "no server has made this socket"
        case (.permissionDenied, .unix): "connecting needs the right to write to that file"
        case (.wouldBlock, _) where !address.isIP: "the server's accept queue is full"
        case (.addressNotAvailable, _):
            "all local ports towards it may be in use (net.ipv4.ip_local_port_range), or the same connection exists"
        default: nil
        }
    }

    /// What to say when binding fails. That the address is in use says only what is certain; who holds it is another
    /// layer's to find out.
    static func binding(_ address: SocketAddress, _ errno: Errno) -> SocketError {
        SocketError(.bind, address: address.description, errno: errno, hint: hintForBinding(address, errno))
    }

    private static func hintForBinding(_ address: SocketAddress, _ errno: Errno) -> String? {
        switch (errno, address) {
        case (.permissionDenied, .unix): return "making the socket needs the right to write to its directory"
        case (.permissionDenied, _):
            guard let first = Kernel.systemSetting("net/ipv4/ip_unprivileged_port_start") else { return nil }
            return "ports below \(first) need CAP_NET_BIND_SERVICE"
        case (.addressNotAvailable, .ipv6(let inner, _)) where inner.isLinkLocal && inner.scope == 0:
            return "a link-local address needs its interface, as in fe80::1%eth0"
        case (.invalidArgument, .ipv6(let inner, _)) where inner.isLinkLocal && inner.scope == 0:
            return "a link-local address needs its interface, as in fe80::1%eth0"
        case (.addressNotAvailable, _): return "no interface of this machine has it; `ip address` lists them"
        case (.addressInUse, .unix): return "a server listens on it, or the path is not a socket"
        case (.addressInUse, .abstract): return "another process has this name"
        case (.addressInUse, _): return "another socket listens there, or a connection of an earlier one is left"
        case (.noSuchFile, .unix): return "its directory does not exist"
        default: return nil
        }
    }

    /// The same for a name that has no address of the family that the local address needs.
    func needed(by local: SocketAddress?) -> SocketError {
        guard hint == nil, errno == nil, let local else { return self }
        var error = self
        error.hint = "the local address is \(local)"
        return error
    }
}
