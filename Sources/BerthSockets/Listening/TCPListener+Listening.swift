internal import BerthSystem

extension TCPListener {
    /// Opens a listener, the way a server should: one call for the address, the reuse policy, the backlog and the
    /// options.
    ///
    /// - Parameters:
    ///   - endpoint: where to listen. `:80` is every interface, IPv6 and IPv4 by one socket (`[::]`), or IPv4 alone
    ///     where the kernel has no IPv6. Of a name the first address that this machine has, IPv4 before IPv6, since
    ///     every client can reach that. Port 0 asks for a free port. On a Unix path a socket file that nobody
    ///     listens on is replaced, and the file is removed with the listener.
    ///   - reuse: when an address may be taken that something else still holds. Unix sockets have no such policy.
    ///   - backlog: how many connections may wait to be accepted. Default `nil`: as many as net.core.somaxconn
    ///     allows, usually 4096, because a queue that is too short drops clients silently and a long one costs nothing
    ///     until it fills. The kernel clamps a number to that limit; ``backlogNote`` says so. A negative one is 0.
    ///   - dualStack: whether `[::]` also takes IPv4 connections; their peers appear as `[::ffff:192.0.2.1]` (see
    ///     ``SocketAddress/unmapped``). With `false`, `:80` is IPv6 only.
    ///   - options: set before bind; accepted connections inherit them.
    /// - Throws: operation `.resolve`, `.open`, `.option`, `.bind` or `.listen`. An address in use can be reported by
    ///   bind(2) and, when two sockets with SO_REUSEADDR were bound before either listened, only by listen(2).
    public static func listen(
        on endpoint: Endpoint, reuse: ReusePolicy = .afterTimeWait, backlog: Int? = nil, dualStack: Bool = true,
        options: SocketOptions = .default
    ) throws(SocketError) -> TCPListener {
        try listen(
            on: endpoint, reuse: reuse, backlog: backlog, dualStack: dualStack, options: options, isFirstOfGroup: false)
    }

    /// The same for the first of several listeners of ``ReusePolicy/shared``, if `isFirstOfGroup`: it fails when something
    /// of the same user listens there already, which the kernel would take for one more of the group.
    package static func listen(
        on endpoint: Endpoint, reuse: ReusePolicy, backlog: Int?, dualStack: Bool = true, options: SocketOptions,
        isFirstOfGroup: Bool
    ) throws(SocketError) -> TCPListener {
        var candidates = try endpoint.resolve(deadline: .after(.seconds(30)), for: .listening)
        if case .host = endpoint.target {
            candidates = candidates.filter { !$0.isIPv6 } + candidates.filter(\.isIPv6)
        }
        var failure: SocketError?
        for address in candidates {
            do {
                if isFirstOfGroup { try check(address, dualStack: dualStack) }
                return try listen(on: address, reuse: reuse, backlog: backlog, dualStack: dualStack, options: options)
            } catch {
                // Another address is tried only when this machine does not have this one at all.
                guard error.errno == .addressFamilyNotSupported || error.errno == .addressNotAvailable else {
                    throw error
                }
                failure = failure ?? error
            }
        }
        throw failure ?? SocketError(.resolve, address: endpoint.description, detail: "it has no address")
    }

    /// Binds and lets go again, without SO_REUSEPORT: a live listener refuses it, leftovers of connections do not.
    private static func check(_ address: SocketAddress, dualStack: Bool) throws(SocketError) {
        guard let port = address.port, port != 0 else { return }
        let socket: Descriptor
        do { socket = try Kernel.openStreamSocket(family: address.family, nonBlocking: false) } catch {
            throw SocketError(.open, address: address.description, errno: error)
        }
        var settings = [OptionSetting(.reuseAddress, true)]
        if case .ipv6 = address, address.isWildcard { settings.append(OptionSetting(.v6Only, !dualStack)) }
        try settings.apply(to: socket.rawValue, address: address)
        try bind(socket.rawValue, to: address)
    }

    private static func listen(
        on address: SocketAddress, reuse: ReusePolicy, backlog: Int?, dualStack: Bool, options: SocketOptions
    ) throws(SocketError) -> TCPListener {
        let descriptor: Descriptor
        do { descriptor = try Kernel.openStreamSocket(family: address.family, nonBlocking: false) } catch {
            throw SocketError(.open, address: address.description, errno: error)
        }
        let fd = descriptor.rawValue
        var settings = options.settings(at: .listening, for: address)
        if address.isIP {
            for flag in reuse.flags(on: .linux) ?? [] {
                switch flag {
                case .reuseAddress: settings.append(OptionSetting(.reuseAddress, true))
                case .reusePort: settings.append(OptionSetting(.reusePort, true))
                case .exclusiveAddressUse: break  // Windows only
                }
            }
        }
        // Said either way, so that net.ipv6.bindv6only does not decide.
        if case .ipv6 = address, address.isWildcard { settings.append(OptionSetting(.v6Only, !dualStack)) }
        try settings.apply(to: fd, address: address)

        let file = try bindAndListen(fd, address, backlog: Backlog.argument(asked: backlog))
        let actual: SocketAddress
        do { actual = SocketAddress(try Kernel.localAddress(fd)) } catch {
            throw SocketError(.listen, address: address.description, errno: error)
        }
        return TCPListener(
            descriptor: descriptor, address: actual,
            backlog: Backlog(asked: backlog, effective: Backlog.effective(of: fd, asked: backlog)),
            afterAccept: options.settings(at: .accepted, for: address), file: file)
    }

    /// Binds and listens; returns the file that a Unix path made.
    private static func bindAndListen(
        _ fd: Int32, _ address: SocketAddress, backlog: Int32
    ) throws(SocketError) -> SocketFile? {
        guard case .unix(let path) = address else {
            try bind(fd, to: address)
            try startListening(fd, address, backlog: backlog)
            return nil
        }
        let lock = SocketFile.lockDirectory(of: path)
        do {
            try bind(fd, to: address)
        } catch {
            guard error.errno == .addressInUse else { throw error }
            SocketFile.removeIfStale(path)
            try bind(fd, to: address)
        }
        let file = SocketFile(path: path)
        try startListening(fd, address, backlog: backlog)
        _ = consume lock  // only now others may look at the file
        return file
    }

    private static func bind(_ fd: Int32, to address: SocketAddress) throws(SocketError) {
        do { try Kernel.bind(fd, to: try address.raw) } catch { throw .binding(address, error) }
    }

    private static func startListening(
        _ fd: Int32, _ address: SocketAddress, backlog: Int32
    ) throws(SocketError) {
        do { try Kernel.listen(fd, backlog: backlog) } catch {
            let hint = error == .addressInUse ? "another socket began to listen there after this one was bound" : nil
            throw SocketError(.listen, address: address.description, errno: error, hint: hint)
        }
    }
}

extension SocketAddress {
    fileprivate var isIPv6: Bool { if case .ipv6 = self { true } else { false } }
}
