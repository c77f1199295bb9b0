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
        try ConnectPlan(to: endpoint, within: time, from: local, options: options).connect()
    }

    /// Connects to one address; see ``connect(to:within:from:options:)``.
    public static func connect(
        to address: SocketAddress, within time: Duration? = .seconds(30), from local: SocketAddress? = nil,
        options: SocketOptions = .default
    ) throws(SocketError) -> TCPSocket {
        try connect(to: Endpoint(address), within: time, from: local, options: options)
    }
}
