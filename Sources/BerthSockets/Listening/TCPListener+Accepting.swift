public import BerthSystem
internal import Synchronization

extension TCPListener {
    /// Waits for a connection and takes it from the accept queue.
    ///
    /// Threads that wait here are woken one at a time and in turn, as long as the listener is in blocking mode: no
    /// thundering herd. Once ``accept(until:)`` or ``tryAccept()`` was used on it, it is in non-blocking mode, threads
    /// wait by poll(2), and a connection wakes all of them, of which one gets it.
    ///
    /// A connection that its client has reset meanwhile is returned all the same; reading from it says so.
    ///
    /// - Returns: the connection in blocking mode, with the options of the listener.
    /// - Throws: operation `.accept`, for what ``AcceptErrorPolicy`` answers with back-off or stop. Errors that concern
    ///   one connection are passed over.
    public func accept() throws(SocketError) -> TCPSocket {
        while true {
            if let socket = try takeOne(nonBlocking: false) { return socket }
            _ = try waitForConnection(until: .never)
        }
    }

    /// The same until a deadline.
    ///
    /// Puts the listener, and with it all its descriptors, into non-blocking mode: otherwise a connection that another
    /// thread takes, after both were told of it, would leave this one waiting beyond the deadline.
    ///
    /// - Returns: `nil` when no connection came by the deadline.
    public func accept(until deadline: Deadline) throws(SocketError) -> TCPSocket? {
        try becomeNonBlocking()
        while true {
            if let socket = try takeOne(nonBlocking: false) { return socket }
            if try !waitForConnection(until: deadline) { return nil }
        }
    }

    /// Takes a connection if one waits, for event loops.
    ///
    /// Puts the listener into non-blocking mode, as ``accept(until:)`` does.
    ///
    /// - Parameter nonBlocking: the mode of the connection. Default blocking, as everywhere.
    /// - Returns: `nil` when none waits.
    public func tryAccept(nonBlocking: Bool = false) throws(SocketError) -> TCPSocket? {
        try becomeNonBlocking()
        return try takeOne(nonBlocking: nonBlocking)
    }

    /// Whether a connection waits to be accepted; someone else may take it the next moment. Also once it was shut down.
    package var hasWaiting: Bool {
        ((try? Kernel.wait(for: .readable, on: fileDescriptor, until: .after(.zero))) ?? []) != []
    }

    /// One connection; `nil` when a listener in non-blocking mode has none.
    private func takeOne(nonBlocking: Bool) throws(SocketError) -> TCPSocket? {
        while true {
            var peer = RawSocketAddress()
            let descriptor: Descriptor
            do { descriptor = try Kernel.accept(fileDescriptor, nonBlocking: nonBlocking, peer: &peer) } catch {
                if error == .wouldBlock { return nil }
                // Each retry has taken a connection from the queue, so this ends.
                if AcceptErrorPolicy.action(for: error) == .retry { continue }
                throw SocketError(.accept, address: address.description, errno: error, hint: Self.hint(for: error))
            }
            let socket = TCPSocket(descriptor: descriptor, peer: SocketAddress(peer))
            // A peer that is gone already makes setting an option fail; what is read from it says that better.
            for setting in afterAccept { try? setting.apply(socket.fileDescriptor, socket.peer) }
            return socket
        }
    }

    /// Whether a connection, or an error that accept will report, is there; `false` at the deadline.
    ///
    /// A Unix listener that was shut down is readable for ever, but an accept that does not wait says EAGAIN of it
    /// instead of EINVAL: that it is shut has to be asked of poll(2).
    private func waitForConnection(until deadline: Deadline) throws(SocketError) -> Bool {
        let found: Readiness
        do throws(Errno) {
            found = try Kernel.wait(for: [.readable, .peerFinished], on: fileDescriptor, until: deadline)
            if found.contains(.peerFinished) { throw .invalidArgument }
        } catch {
            throw SocketError(.accept, address: address.description, errno: error, hint: Self.hint(for: error))
        }
        return !found.isEmpty
    }

    private func becomeNonBlocking() throws(SocketError) {
        if isNonBlocking.load(ordering: .relaxed) { return }
        do { try Kernel.setNonBlocking(fileDescriptor, true) } catch {
            throw SocketError(.option("O_NONBLOCK"), address: address.description, errno: error)
        }
        isNonBlocking.store(true, ordering: .relaxed)
    }

    private static func hint(for errno: Errno) -> String? {
        switch errno {
        case .tooManyOpenFiles: "raise the limit of descriptors (`ulimit -n`) or lower that of connections"
        case .tooManyOpenFilesInSystem: "the limit is fs.file-max"
        case .invalidArgument: "the listener was shut down"
        default: nil
        }
    }
}
