internal import BerthSystem

extension TCPSocket {
    /// Connects to an endpoint: resolves its name, tries its addresses, and returns the first connection that is made,
    /// in blocking mode.
    ///
    /// Addresses of both families alternate, and the next is tried 250 ms after the last one or as soon as one fails
    /// (RFC 8305); the others are given up when one connects. `:80` means the loopback addresses.
    ///
    /// - Parameters:
    ///   - endpoint: a host, an address or a Unix socket.
    ///   - time: bounds the whole call, name resolution and all addresses together. Default 30 s, far above any round
    ///     trip and below the patience of a person; `nil` leaves it to the kernel, which gives up each address after
    ///     about 130 s (net.ipv4.tcp_syn_retries). Zero takes only what is there without waiting. The connection itself has no timeout afterwards.
    ///   - local: the local address, for machines that have several. With port 0 the kernel chooses the port, and may
    ///     use one that connects elsewhere (IP_BIND_ADDRESS_NO_PORT). With another port, one connection from there to
    ///     the same peer may exist, and SO_REUSEADDR is set so that the last one's TIME_WAIT is not in the way.
    ///   - options: set before connecting.
    /// - Throws: operation `.resolve`, `.open`, `.option`, `.bind` or `.connect`; the last lists in
    ///   ``SocketError/attempts`` each address that was tried and how it failed.
    ///
    /// A connect that meets itself, because the kernel chose the wanted port as the local one, counts as refused.
    public static func connect(
        to endpoint: Endpoint, within time: Duration? = .seconds(30), from local: SocketAddress? = nil,
        options: SocketOptions = .default
    ) throws(SocketError) -> TCPSocket {
        let deadline = Deadline.after(time)
        let family: AddressFamily =
            switch local {
            case .ipv4?: .ipv4
            case .ipv6?: .ipv6
            default: .any
            }
        let addresses: [SocketAddress]
        do { addresses = try endpoint.resolve(family: family, deadline: deadline, for: .connecting) } catch {
            throw error.operation == .resolve && family != .any ? error.needed(by: local) : error
        }
        if case .address(let address) = endpoint.target, !address.isIP {
            return try connectUnix(to: address, deadline: deadline, time: time, from: local, options: options)
        }
        var race = ConnectRace(addresses, from: local, options: options, deadline: deadline)
        guard let socket = try race.run() else {
            throw .connecting(to: endpoint.description, race.attempts, within: race.timedOut ? time : nil)
        }
        try socket.setNonBlocking(false)
        return socket
    }

    /// Connects to one address; see ``connect(to:within:from:options:)``.
    public static func connect(
        to address: SocketAddress, within time: Duration? = .seconds(30), from local: SocketAddress? = nil,
        options: SocketOptions = .default
    ) throws(SocketError) -> TCPSocket {
        try connect(to: Endpoint(address), within: time, from: local, options: options)
    }

    /// Unix sockets connect at once, unless the accept queue is full. Then a non-blocking connect only fails, and
    /// poll(2) does not tell when there is room, so that one is made that waits (`man 7 unix`).
    private static func connectUnix(
        to address: SocketAddress, deadline: Deadline, time: Duration?, from local: SocketAddress?,
        options: SocketOptions
    ) throws(SocketError) -> TCPSocket {
        let start = MonotonicTime.now
        func failure(_ errno: Errno?, within time: Duration?) -> SocketError {
            let after = MonotonicTime.now.duration(since: start)
            let attempt = ConnectAttempt(address: address, failure: errno, after: after)
            return .connecting(to: address.description, [attempt], within: time)
        }
        let descriptor: Descriptor
        do {
            descriptor = try ConnectFailure.openSocket(to: address, from: local, options: options, nonBlocking: false)
        } catch {
            switch error {
            case .whole(let error): throw error
            case .address(let errno): throw failure(errno, within: nil)
            }
        }
        do {
            try connectWaiting(descriptor.rawValue, to: try address.raw, deadline: deadline)
        } catch {
            throw error == .wouldBlock ? failure(nil, within: time) : failure(error, within: nil)
        }
        return TCPSocket(descriptor: descriptor, peer: address)
    }

    private static func connectWaiting(
        _ fd: Int32, to address: RawSocketAddress, deadline: Deadline
    ) throws(Errno) {
        if deadline.time == nil {
            while try !connects(fd, to: address) {}
            return
        }
        repeat { try Kernel.setSendWaitLimit(fd, to: deadline.remaining) } while try !connects(fd, to: address)
        try Kernel.setSendWaitLimit(fd, to: nil)
    }

    /// `false` when a signal interrupted it: unlike that of TCP, such a connect does not go on by itself.
    private static func connects(_ fd: Int32, to address: RawSocketAddress) throws(Errno) -> Bool {
        do { try Kernel.connect(fd, to: address) } catch .connecting { return false }
        return true
    }
}
