package import BerthSockets
internal import BerthSystem

/// Making sockets, connecting and accepting.
extension Stage {
    /// The address and port of most experiments: those of the articles' examples.
    package static let address = "127.0.0.1:12345"

    /// An address as people write it, without a name to look up.
    package static func parse(_ text: String) throws -> SocketAddress {
        guard case .address(let address)? = try? Endpoint(parsing: text).target else {
            throw LabFailure("\(text) is no address")
        }
        return address
    }

    /// Opens a TCP socket of the address's family, sets its options and binds it. An empty address binds nothing and is
    /// IPv4.
    @discardableResult
    package func bound(
        _ name: String, to text: String = address, _ options: [LabOption] = [], side: Trace.Side = .server
    ) throws -> LabSocket {
        let address = try text.isEmpty ? nil : Self.parse(text)
        let family = address?.family ?? SocketAddress.ipv4(.any, port: 0).family
        let socket = try open(name, family, side, nonBlocking: false)
        for option in options { try set(socket, option) }
        if let address { try bind(socket, to: address, text) }
        return socket
    }

    private func open(
        _ name: String, _ family: Int32, _ side: Trace.Side, nonBlocking: Bool
    ) throws -> LabSocket {
        let number = try step(side, "\(name) = socket()") { () throws(Errno) in
            // A descriptor cannot be copied out of the step: its number can.
            try Kernel.openStreamSocket(family: family, nonBlocking: nonBlocking).release()
        }
        let socket = LabSocket(Descriptor(owning: number), name: name, side: side)
        sockets.append(socket)
        return socket
    }

    /// A socket that is bound to nothing yet.
    package func socket(
        _ name: String, _ options: [LabOption] = [], side: Trace.Side = .client
    ) throws -> LabSocket { try bound(name, to: "", options, side: side) }

    /// A UDP socket, bound to an address or connected to one.
    @discardableResult
    package func datagram(
        _ name: String, on text: String? = nil, to target: String? = nil, _ options: [LabOption] = []
    ) throws -> LabSocket {
        let side: Trace.Side = text == nil ? .client : .server
        let family = try Self.parse(text ?? target ?? Self.address).family
        let number = try step(side, "\(name) = socket(SOCK_DGRAM)") { () throws(Errno) in
            try Kernel.openDatagramSocket(family: family).release()
        }
        let socket = LabSocket(Descriptor(owning: number), name: name, side: side)
        sockets.append(socket)
        for option in options { try set(socket, option) }
        if let text { try bind(socket, to: text) }
        if let target {
            let address = try Self.parse(target)
            try step(side, "connect(\(name), \(Self.shown(target)))") { () throws(Errno) in
                try Kernel.connect(socket.descriptor, to: address.raw)
            }
        }
        return socket
    }

    package func bind(_ socket: LabSocket, to text: String) throws { try bind(socket, to: Self.parse(text), text) }

    private func bind(_ socket: LabSocket, to address: SocketAddress, _ text: String) throws {
        try step(socket.side, "bind(\(socket.name), \(Self.shown(text)))") { () throws(Errno) in
            try Kernel.bind(socket.descriptor, to: address.raw)
            socket.learnAddresses()
        }
    }

    package func listen(_ socket: LabSocket, backlog: Int32 = 128) throws {
        try step(socket.side, "listen(\(socket.name), \(backlog))") { () throws(Errno) in
            try Kernel.listen(socket.descriptor, backlog: backlog)
            socket.learnAddresses()
        }
    }

    /// A socket that listens.
    @discardableResult
    package func listener(
        _ name: String = "listener", on text: String = address, _ options: [LabOption] = [], backlog: Int32 = 128
    ) throws -> LabSocket {
        let socket = try bound(name, to: text, options)
        try listen(socket, backlog: backlog)
        return socket
    }

    /// Sets an option.
    package func set(_ socket: LabSocket, _ option: LabOption) throws {
        try step(socket.side, "setsockopt(\(socket.name), \(option.text))") { () throws(Errno) in
            try option.apply(to: socket.descriptor)
        }
    }

    /// A client that has begun to connect, and does not wait for it.
    @discardableResult
    package func connecting(
        _ name: String = "client", to text: String = address, from: String? = nil, _ options: [LabOption] = []
    ) throws -> LabSocket {
        let target = try Self.parse(text)
        let socket = try client(name, target, from, options)
        _ = try step(.client, "connect(\(name), \(Self.shown(text)))", showing: { $0 ? nil : "EINPROGRESS" }) {
            () throws(Errno) in try Self.beginConnect(socket, target)
        }
        return socket
    }

    /// Whether it is connected already.
    private static func beginConnect(_ socket: LabSocket, _ target: SocketAddress) throws(Errno) -> Bool {
        defer { socket.learnAddresses(remote: target) }
        do throws(Errno) { try Kernel.connect(socket.descriptor, to: target.raw) } catch {
            if error == .connecting { return false }
            throw error
        }
        return true
    }

    /// How a connect that has begun went: `OK`, the name of its error, or `no answer`.
    package func connected(_ socket: LabSocket, within time: Duration = .seconds(20)) -> String {
        let outcome: String
        do throws(Errno) {
            if try socket.wait(for: .writable, within: time).isEmpty {
                outcome = "no answer"
            } else {
                outcome = try Kernel.pendingError(socket.descriptor)?.name ?? "OK"
            }
        } catch {
            outcome = error.name
        }
        socket.learnAddresses()
        tell(.call(socket.side, "connect(\(socket.name)) = \(outcome)"))
        look()
        return outcome
    }

    /// A connected client; fails as the connect does.
    @discardableResult
    package func connect(
        _ name: String = "client", to text: String = address, from: String? = nil, _ options: [LabOption] = []
    ) throws -> LabSocket {
        let target = try Self.parse(text)
        let socket = try client(name, target, from, options)
        try step(.client, "connect(\(name), \(Self.shown(text)))") { () throws(Errno) in
            if try Self.beginConnect(socket, target) { return }
            if try socket.wait(for: .writable, within: .seconds(20)).isEmpty { throw .timedOut }
            if let error = try Kernel.pendingError(socket.descriptor) { throw error }
            socket.learnAddresses()
        }
        do { try Kernel.setNonBlocking(socket.descriptor, false) } catch {
            throw StepFailure(step: "making \(name) wait", errno: error)
        }
        return socket
    }

    /// A socket that is about to connect. That it is made is told only where there is more to it.
    private func client(
        _ name: String, _ target: SocketAddress, _ from: String?, _ options: [LabOption]
    ) throws -> LabSocket {
        let socket = try untold { try open(name, target.family, .client, nonBlocking: true) }
        for option in options { try set(socket, option) }
        if let from { try bind(socket, to: from) }
        return socket
    }

    /// Takes the next connection of a listener, for which it waits some seconds.
    package func accept(_ listener: LabSocket, _ name: String = "server") throws -> LabSocket {
        let socket = try step(.server, "\(name) = accept(\(listener.name))", atEnd: true) { () throws(Errno) in
            if try listener.wait(for: .readable, within: .seconds(20)).isEmpty { throw .timedOut }
            return try listener.accept(name)
        }
        sockets.append(socket)
        return socket
    }

    /// A listener, a client that is connected to it, and the accepted end: where most experiments begin.
    package func connection(
        on text: String = address, _ options: [LabOption] = [], client clientOptions: [LabOption] = [],
        from: String? = nil
    ) throws -> (listener: LabSocket, client: LabSocket, server: LabSocket) {
        let listener = try listener(on: text, options)
        let client = try connect(to: text, from: from, clientOptions)
        return (listener, client, try accept(listener))
    }

    /// How calls show an address: the usual one not at all.
    private static func shown(_ text: String) -> String {
        text.hasPrefix("127.0.0.1:") ? String(text.dropFirst("127.0.0.1".count)) : text
    }
}
