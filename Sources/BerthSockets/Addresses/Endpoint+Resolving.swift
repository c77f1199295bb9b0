public import BerthSystem

extension Endpoint {
    /// What the addresses are wanted for; it decides what `:80` means.
    public enum Purpose: Sendable, Hashable {
        case connecting
        case listening
    }

    /// The addresses that the endpoint stands for, at least one.
    ///
    /// Only host names take time. They are looked up with getaddrinfo(3) on a thread of its own; when the deadline
    /// passes first, the call returns and leaves that thread behind until the C library gives up (at most 16 threads
    /// at a time in the process). `:80` is `[::]:80` and then `0.0.0.0:80` when listening, `[::1]:80` and
    /// `127.0.0.1:80` when connecting.
    ///
    /// - Parameters:
    ///   - family: leaves out the addresses of the other family. Unix sockets are never left out.
    ///   - deadline: when to give up; never, unless told otherwise, and then the resolver's own limit holds (by
    ///     default 10 s for each name server, `man 5 resolv.conf`).
    /// - Throws: operation `.resolve`, without an errno; ``SocketError/isDeadline`` tells when it was the deadline.
    public func resolve(
        family: AddressFamily = .any, deadline: Deadline = .never, for purpose: Purpose = .connecting
    ) throws(SocketError) -> [SocketAddress] {
        let all: [SocketAddress]
        switch target {
        case .mistake(let error):
            throw SocketError(.resolve, address: error.text, detail: error.sentence)
        case .address(let address):
            all = [address]
        case .everywhere(let port):
            all =
                purpose == .listening
                ? [.ipv6(.any, port: port), .ipv4(.any, port: port)]
                : [.ipv6(.loopback, port: port), .ipv4(.loopback, port: port)]
        case .host(let name, let port):
            all = try lookUp(name, port: port, family: family, deadline: deadline)
        }
        let wanted = all.filter(family.contains)
        if wanted.isEmpty {
            let kind = family == .ipv4 ? "IPv4" : "IPv6"
            throw SocketError(.resolve, address: description, detail: "it has no \(kind) address")
        }
        return wanted
    }

    private func lookUp(
        _ name: String, port: UInt16, family: AddressFamily, deadline: Deadline
    ) throws(SocketError) -> [SocketAddress] {
        do {
            return try Resolver.addresses(of: name, family: family, deadline: deadline).map { $0.withPort(port) }
        } catch {
            throw Self.error(of: error, name: name, family: family)
        }
    }

    static func error(of failure: Resolver.Failure, name: String, family: AddressFamily = .any) -> SocketError {
        switch failure {
        case .notFound(let failure) where failure.isTemporary:
            SocketError(
                .resolve, address: name, detail: "the name servers gave no answer",
                hint: "/etc/resolv.conf names them; a try later may succeed")
        case .notFound(let failure) where failure.isUnknownName:
            switch family {
            case .any:
                SocketError(
                    .resolve, address: name, detail: "there is no such host", hint: "check how the name is written")
            case .ipv4: SocketError(.resolve, address: name, detail: "there is no such host with an IPv4 address")
            case .ipv6: SocketError(.resolve, address: name, detail: "there is no such host with an IPv6 address")
            }
        case .notFound(let failure):
            SocketError(.resolve, address: name, detail: failure.sentence)
        case .timedOut:
            Self.timeout(name)
        case .noThread(let errno):
            SocketError(.resolve, address: name, errno: errno, detail: "no thread could be started for the lookup")
        }
    }

    private static func timeout(_ name: String) -> SocketError {
        var error = SocketError.deadline(
            .resolve, address: name, nothingHappened: "answer of a name server", within: nil)
        error.hint = "/etc/resolv.conf names them"
        return error
    }
}
