package import BerthSystem

/// A connect as it was asked for, and its parts: resolving, the race of the addresses, or one connect to a Unix socket.
/// ``TCPSocket/connect(to:within:from:options:)-(Endpoint,_,_,_)`` does them one after the other and blocks; an event loop
/// waits for each in its own way.
package struct ConnectPlan: Sendable {
    package let endpoint: Endpoint
    package let deadline: Deadline
    let time: Duration?
    let local: SocketAddress?
    let options: SocketOptions

    /// The time counts from now.
    package init(to endpoint: Endpoint, within time: Duration?, from local: SocketAddress?, options: SocketOptions) {
        self.endpoint = endpoint
        self.time = time
        self.local = local
        self.options = options
        deadline = .after(time)
    }

    /// Whether resolving takes time, and blocks.
    package var needsLookup: Bool {
        if case .host = endpoint.target { return true }
        return false
    }

    /// The addresses to be tried.
    package func resolve() throws(SocketError) -> [SocketAddress] {
        let family: AddressFamily =
            switch local {
            case .ipv4?: .ipv4
            case .ipv6?: .ipv6
            default: .any
            }
        do { return try endpoint.resolve(family: family, deadline: deadline, for: .connecting) } catch {
            throw error.operation == .resolve && family != .any ? error.needed(by: local) : error
        }
    }

    /// The address of the Unix socket that the endpoint is; `nil` when it is none.
    package var unixAddress: SocketAddress? {
        if case .address(let address) = endpoint.target, !address.isIP { return address }
        return nil
    }

    package func race(_ addresses: [SocketAddress]) -> ConnectRace { ConnectRace(addresses, self) }

    /// What to say when no address could be connected to.
    func failure(_ attempts: [ConnectAttempt], isLate: Bool) -> SocketError {
        .connecting(to: endpoint.description, attempts, within: isLate ? time : nil)
    }

    /// Connects by blocking, and returns a socket in blocking mode.
    func connect() throws(SocketError) -> TCPSocket {
        let addresses = try resolve()
        if let address = unixAddress { return try connectUnix(to: address) }
        var race = race(addresses)
        guard let socket = try race.run() else { throw failure([], isLate: false) }
        try socket.setNonBlocking(false)
        return socket
    }
}

// Unix sockets connect at once, unless the accept queue is full. Then a non-blocking connect only fails, and poll(2) does
// not tell when there is room, so that one has to be made that waits (`man 7 unix`).
extension ConnectPlan {
    /// Connects to a Unix socket without waiting; `nil` when there is no room in its accept queue.
    package func tryConnectUnix(to address: SocketAddress) throws(SocketError) -> TCPSocket? {
        let connecting: ConnectingSocket
        do { connecting = try ConnectingSocket(to: address, from: local, options: options) } catch {
            switch error {
            case .whole(let error): throw error
            case .address(.wouldBlock): return nil
            case .address(let errno): throw unixFailure(address, errno, since: .now)
            }
        }
        let socket = try connecting.finishConnecting()
        try socket.setNonBlocking(false)
        return socket
    }

    /// Connects to a Unix socket by blocking.
    package func connectUnix(to address: SocketAddress) throws(SocketError) -> TCPSocket {
        let start = MonotonicTime.now
        let descriptor: Descriptor
        do {
            descriptor = try ConnectFailure.openSocket(to: address, from: local, options: options, nonBlocking: false)
        } catch {
            switch error {
            case .whole(let error): throw error
            case .address(let errno): throw unixFailure(address, errno, since: start)
            }
        }
        do {
            try connectWaiting(descriptor.rawValue, to: try address.raw)
        } catch {
            throw unixFailure(address, error == .wouldBlock ? nil : error, since: start)
        }
        return TCPSocket(descriptor: descriptor, peer: address)
    }

    /// - Parameter errno: `nil` when it was the deadline.
    private func unixFailure(_ address: SocketAddress, _ errno: Errno?, since start: MonotonicTime) -> SocketError {
        let after = MonotonicTime.now.duration(since: start)
        return failure([ConnectAttempt(address: address, failure: errno, after: after)], isLate: errno == nil)
    }

    private func connectWaiting(_ fd: Int32, to address: RawSocketAddress) throws(Errno) {
        if deadline.time == nil {
            while try !connects(fd, to: address) {}
            return
        }
        repeat { try Kernel.setSendWaitLimit(fd, to: deadline.remaining) } while try !connects(fd, to: address)
        try Kernel.setSendWaitLimit(fd, to: nil)
    }

    /// `false` when a signal interrupted it: unlike that of TCP, such a connect does not go on by itself.
    private func connects(_ fd: Int32, to address: RawSocketAddress) throws(Errno) -> Bool {
        do { try Kernel.connect(fd, to: address) } catch .connecting { return false }
        return true
    }
}
