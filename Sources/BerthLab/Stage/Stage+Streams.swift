internal import BerthSockets
package import BerthSystem

/// Sending, receiving and closing.
extension Stage {
    /// Sends a text; what the kernel does not take at once is not sent.
    @discardableResult
    package func send(_ socket: LabSocket, _ text: String) throws -> Int {
        try send(socket, Array(text.utf8), "\"\(text)\"")
    }

    /// Sends so many bytes, as far as the kernel takes them without waiting.
    @discardableResult
    package func send(_ socket: LabSocket, count: Int) throws -> Int {
        try send(socket, [UInt8](repeating: UInt8(ascii: "x"), count: count), "\(count) bytes")
    }

    /// Sends some bytes, as far as the kernel takes them without waiting.
    @discardableResult
    package func send(_ socket: LabSocket, bytes: some Collection<UInt8>) throws -> Int {
        try send(socket, Array(bytes), bytes.count == 1 ? "1 byte" : "\(bytes.count) bytes")
    }

    private func send(_ socket: LabSocket, _ bytes: [UInt8], _ shown: String) throws -> Int {
        try step(socket.side, "send(\(socket.name), \(shown))", showing: { $0 == bytes.count ? nil : "\($0)" }) {
            () throws(Errno) in try socket.send(bytes, flags: .doNotWait)
        }
    }

    /// Receives what is there or comes soon, at most so many bytes.
    package func receive(
        _ socket: LabSocket, _ count: Int = 4096, flags: Kernel.TransferFlags = [], within time: Duration = .seconds(20)
    ) -> Received {
        let received: Received
        do throws(Errno) {
            if try socket.wait(for: .readable, within: time).isEmpty {
                received = .nothing
            } else {
                let bytes = try socket.receive(count, flags: flags)
                received = bytes.isEmpty ? .end : .bytes(bytes)
            }
        } catch {
            received = .failed(error)
        }
        let peek = flags.contains(.peek) ? ", MSG_PEEK" : ""
        tell(.call(socket.side, "recv(\(socket.name)\(peek)) = \(received)"))
        look()
        return received
    }

    /// Receives until the end, an error, or a pause of that length: how much that was, and what ended it.
    package func drain(_ socket: LabSocket, within time: Duration = .seconds(20)) -> (count: Int, end: Received) {
        var count = 0
        while true {
            let received = untold { receive(socket, 1 << 20, within: time) }
            guard case .bytes(let bytes) = received else {
                tell(.call(socket.side, "recv(\(socket.name)) until the end = \(count) bytes, then \(received)"))
                look()
                return (count, received)
            }
            count += bytes.count
        }
    }

    package func close(_ socket: LabSocket) throws {
        try step(socket.side, "close(\(socket.name))") { () throws(Errno) in try socket.close() }
    }

    /// Closes with an RST, by SO_LINGER {1, 0}.
    package func reset(_ socket: LabSocket) throws {
        try set(socket, .linger(0))
        try close(socket)
    }

    package func shut(_ socket: LabSocket, _ half: Kernel.Half = .writing) throws {
        let name =
            switch half {
            case .reading: "SHUT_RD"
            case .writing: "SHUT_WR"
            case .both: "SHUT_RDWR"
            }
        try step(socket.side, "shutdown(\(socket.name), \(name))") { () throws(Errno) in
            try Kernel.shutdown(socket.descriptor, half)
        }
    }

    /// Takes a socket away from whoever has it, or a remnant that nobody has, as `ss -K` does.
    package func destroy(_ socket: LabSocket) throws {
        let port = socket.local?.port
        let remote = socket.remote?.port
        try step(socket.side, "ss -K takes \(socket.name) away") { () throws(Errno) in
            let found = try Netlink.sockets(Netlink.SocketQuery(localPort: port, wantsInfo: false)) { entry in
                entry.remotePort == remote ? entry : nil
            }
            for entry in found.items { try Netlink.destroy(entry) }
        }
    }

    /// What comes for a socket is lost on its way from now on.
    package enum Deafness: Sendable {
        case everything
        /// Everything but a SYN: to a listener, the end of each handshake.
        case handshakeEnds

        var flags: (withAny: UInt8, withNone: UInt8) {
            switch self {
            case .everything: (0xff, 0)
            case .handshakeEnds: (0xff, TCPFlags.syn.rawValue)
            }
        }
    }

    package func deafen(_ socket: LabSocket, _ deafness: Deafness = .everything) throws {
        let what = deafness == .everything ? "what comes for \(socket.name) is" : "third packets for \(socket.name) are"
        try step(socket.side, "\(what) lost from now on") { () throws(Errno) in
            try Kernel.dropArriving(
                socket.descriptor, withAny: deafness.flags.withAny, withNone: deafness.flags.withNone)
        }
    }

    package func undeafen(_ socket: LabSocket) throws {
        try step(socket.side, "\(socket.name) hears again") { () throws(Errno) in
            try Kernel.dropNothing(socket.descriptor)
        }
    }

    /// Has calls on a socket not wait.
    package func setNonBlocking(_ socket: LabSocket) throws {
        try step(socket.side, "\(socket.name) does not wait") { () throws(Errno) in
            _ = try Kernel.setNonBlocking(socket.descriptor, true)
        }
    }

    /// Waits until no packet has come for a while.
    package func settle(_ time: Duration = .milliseconds(60)) throws {
        var seen = -1
        while seen != witness.sightings.count + witness.omitted {
            seen = witness.sightings.count + witness.omitted
            try pause(time)
            do { try witness.collect() } catch { throw StepFailure(step: "fetching packets", errno: error) }
        }
        look()
    }

    /// Lets time pass.
    package func pause(_ time: Duration) throws {
        do { try Kernel.pause(time) } catch { throw StepFailure(step: "waiting", errno: error) }
    }
}

extension Kernel {
    /// Lets time pass on the calling thread.
    static func pause(_ time: Duration) throws(Errno) {
        var nothing: [PollEntry] = []
        _ = try poll(&nothing, until: .after(time))
    }
}
