package import BerthSockets
package import BerthSystem

/// Who holds a port, and what a bind would meet: what `berth why` tells. Values only.
package struct PortReport: Sendable {
    package var transport: SocketRecord.Transport
    package var port: UInt16
    /// The addresses for which a bind is predicted: the one asked for first.
    package var addresses: [SocketAddress]
    /// Every socket with that local port: listeners, sockets that are only bound, connections.
    package var holders: [PortHolder]
    package var evidence: BindEvidence
    /// What a bind with one option alone, closed at once, has told about remnants that the kernel keeps; `nil` where there
    /// was no reason to try.
    package var probe: Probe?
    /// Other networks of this machine where somebody has the port.
    package var elsewhere: [Elsewhere]
    /// This user, and whether predictions for another one are of use.
    package var user: UInt32

    package struct Probe: Sendable, Hashable {
        /// Whether every remnant has SO_REUSEADDR, and SO_REUSEPORT; `nil` when that could not be tried.
        package var reuseAddress: Bool?
        package var reusePort: Bool?
    }

    /// A listener in another network, for example a container's.
    package struct Elsewhere: Sendable, Hashable {
        package var local: SocketAddress
        /// Whose it is.
        package var userName: String
        /// The process that has it, or one of that network where this user may not see which one has it.
        package var process: ProcessRecord
        package var isHolder: Bool
    }

    /// What the rule says to a bind of one policy.
    package func verdict(
        _ reuse: ReusePolicy, _ address: SocketAddress, isOtherUser: Bool = false
    ) -> (allowed: Bool?, blockers: [Int]) {
        let attempt = attempt(reuse, address, isOtherUser: isOtherUser)
        let verdicts = holders.map { BindRule.verdict(on: attempt, by: $0) }
        let refusing = verdicts.indices.filter { verdicts[$0] == .refuses }
        if !refusing.isEmpty { return (false, refusing) }
        let unknown = verdicts.indices.filter { verdicts[$0] == .unknown }
        return (unknown.isEmpty ? true : nil, unknown)
    }

    package func attempt(_ reuse: ReusePolicy, _ address: SocketAddress, isOtherUser: Bool = false) -> BindAttempt {
        BindAttempt(
            address, options: ReuseOptions(reuse), user: isOtherUser ? otherUser : user,
            transport: transport)
    }

    /// The other user of the predictions: who has the port, where that is somebody else; otherwise any.
    package var otherUser: UInt32 {
        let holder = holders.first { $0.socket.inode != nil && $0.socket.user != user }
        // Any number that is not this user's will do: the kernel only compares.
        return holder?.socket.user ?? (user == .max - 1 ? 1 : .max - 1)
    }

    /// Whether a server with the usual policy could start on the address asked for.
    package var isFree: Bool? { refusal == nil ? verdict(.afterTimeWait, addresses[0]).allowed : false }

    /// Why the kernel would refuse the address itself, whoever else is there: no right to a low port, or not an address
    /// of this machine.
    package var refusal: Finding? {
        let settings = evidence.settings
        let address = addresses[0]
        let errno: Errno
        if let first = settings.firstUnprivilegedPort.value, port < first, settings.mayBindAnyPort.value == false {
            errno = .permissionDenied
        } else if !address.unmapped.isWildcard, !address.unmapped.isLoopback,
            settings.allowsForeignAddresses.value == false, let own = settings.addresses.value,
            !own.contains(where: { $0.withPort(port) == address.unmapped })
        {
            errno = .addressNotAvailable
        } else {
            return nil
        }
        return BindExplanation.finding(
            for: attempt(.afterTimeWait, address), reuse: .afterTimeWait, errno: errno, evidence: evidence)
    }
}

extension PortReport {
    /// Looks at the calling thread's network.
    ///
    /// - Parameters:
    ///   - address: what is asked about; `nil` for a port alone.
    ///   - looksElsewhere: whether other networks are looked at as well.
    /// - Throws: why the kernel's list of sockets could not be read.
    package static func read(
        port: UInt16, address: SocketAddress? = nil, transport: SocketRecord.Transport = .tcp,
        looksElsewhere: Bool = true
    ) throws(Errno) -> PortReport {
        let evidence = BindEvidence.read(port: port, transport)
        let holders: [PortHolder]
        switch evidence.holders {
        case .known(let found): holders = found
        case .unknown(.failed(let errno)): throw errno
        case .unknown: throw .protocolError
        }
        var addresses: [SocketAddress] = [address].compactMap { $0 }
        for other in [SocketAddress.ipv4(.any, port: port), .ipv4(.loopback, port: port), .ipv6(.any, port: port)]
        where !addresses.contains(other) { addresses.append(other) }
        var report = PortReport(
            transport: transport, port: port, addresses: addresses, holders: holders, evidence: evidence,
            elsewhere: looksElsewhere ? OtherNetworks.listeners(on: port, transport) : [], user: Kernel.effectiveUser)
        report.askAboutRemnants()
        return report
    }

    /// Remnants that the kernel keeps do not tell their options. Where they alone hold an address, binding it for a
    /// moment tells: who comes without SO_REUSEADDR is refused by the remnant anyway, and everybody else passes over this
    /// socket, which has it and does not listen.
    private mutating func askAboutRemnants() {
        let remnants = holders.indices.filter { holders[$0].socket.inode == nil && holders[$0].options.value == nil }
        guard transport == .tcp, !remnants.isEmpty else { return }
        for index in remnants {
            let local = holders[index].socket.local
            let isAlone = holders.allSatisfy { other in
                other.socket.inode == nil
                    || BindRule.verdict(on: BindAttempt(local, options: .init(.exclusive)), by: other) == .apart
            }
            guard isAlone else { continue }
            let address = Self.probed(local, .init(reuseAddress: true, reusePort: false))
            let port = address == nil ? nil : Self.probed(local, .init(reuseAddress: false, reusePort: true))
            if let address, let port {
                holders[index].options = .known(.init(reuseAddress: address, reusePort: port))
            }
            // One that lacks an option decides for all that have the same address.
            probe = Probe(
                reuseAddress: probe?.reuseAddress == false ? false : address,
                reusePort: probe?.reusePort == false ? false : port)
        }
    }

    /// Whether the address can be bound with these options; `nil` when the kernel has another reason against it.
    private static func probed(_ address: SocketAddress, _ options: ReuseOptions) -> Bool? {
        do throws(Errno) {
            let socket = try Kernel.openStreamSocket(family: address.family, nonBlocking: false)
            try Kernel.setSharing(
                socket.rawValue, reuseAddress: options.reuseAddress, reusePort: options.reusePort, isIPv6Only: nil)
            try Kernel.bind(socket.rawValue, to: address.raw)
            return true
        } catch .addressInUse {
            return false
        } catch {
            return nil
        }
    }

    /// Really binds, and listens where the policy is for a listener, and closes at once.
    package static func attempt(
        _ reuse: ReusePolicy, _ address: SocketAddress, _ transport: SocketRecord.Transport
    ) -> Result<Void, Errno> {
        Result { () throws(Errno) in
            let socket =
                transport == .tcp
                ? try Kernel.openStreamSocket(family: address.family, nonBlocking: false)
                : try Kernel.openDatagramSocket(family: address.family)
            let options = ReuseOptions(reuse)
            try Kernel.setSharing(
                socket.rawValue, reuseAddress: options.reuseAddress, reusePort: options.reusePort,
                isIPv6Only: BindExplanation.isIPv6(address) ? false : nil)
            try Kernel.bind(socket.rawValue, to: address.raw)
            if transport == .tcp { try Kernel.listen(socket.rawValue, backlog: 1) }
        }
    }
}
