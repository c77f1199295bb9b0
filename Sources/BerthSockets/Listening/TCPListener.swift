public import BerthSystem
internal import Synchronization

/// The owner of one listening stream socket: TCP, or a Unix socket.
///
/// Any number of threads may call ``accept()`` of one listener at the same time. It is one listener however it is
/// shared: by ``duplicate()``, or by a process that was handed the descriptor.
///
/// A listener that goes out of scope is closed as by ``close()``.
public struct TCPListener: ~Copyable, Sendable {
    /// The owned descriptor.
    package let descriptor: Descriptor

    /// The address it listens on: with port 0 asked for, the real port.
    public let address: SocketAddress

    /// The length of the accept queue that was asked for, and what the kernel made of it.
    public let backlog: Backlog

    /// What accepted sockets do not inherit.
    let afterAccept: [OptionSetting]
    /// The file of a Unix socket that was made here.
    let file: SocketFile?
    /// Whether O_NONBLOCK is known to be set.
    let isNonBlocking: Atomic<Bool>

    init(
        descriptor: consuming Descriptor, address: SocketAddress, backlog: Backlog, afterAccept: [OptionSetting],
        file: SocketFile?, isNonBlocking: Bool = false
    ) {
        self.descriptor = descriptor
        self.address = address
        self.backlog = backlog
        self.afterAccept = afterAccept
        self.file = file
        self.isNonBlocking = Atomic(isNonBlocking)
    }

    /// The number of the descriptor, for calls that Berth does not have. It stays owned by this value.
    public var fileDescriptor: Int32 { descriptor.rawValue }

    /// One sentence when the kernel gave a shorter accept queue than was asked for.
    public var backlogNote: String? { backlog.note }

    /// How many connections wait to be accepted, and how many may.
    ///
    /// - Throws: operation `.option("TCP_INFO")`, also for Unix sockets, where the kernel tells no one.
    public var acceptQueue: AcceptQueue {
        get throws(SocketError) {
            do { return try AcceptQueue.read(fileDescriptor) } catch {
                throw SocketError(
                    .option("TCP_INFO"), address: address.description, errno: error,
                    hint: address.isIP ? nil : "only TCP sockets have it")
            }
        }
    }

    /// How many connections wait to be accepted: for a Unix socket, of which the kernel does not tell, one at most.
    package var waitingCount: Int { (try? acceptQueue.waiting) ?? (hasWaiting ? 1 : 0) }

    /// The value of an option, as the kernel says it.
    public func option<Value>(_ option: SocketOption<Value>) throws(SocketError) -> Value {
        try option.read(from: fileDescriptor, address: address)
    }

    /// Sets an option. Connections accepted from now on inherit it (Linux, TCP).
    public func set<Value>(_ option: SocketOption<Value>, to value: Value) throws(SocketError) {
        try option.write(value, to: fileDescriptor, address: address)
    }
}

extension TCPListener {
    /// Closes this descriptor. When it is the last one of the listener, the address is free again, and connections
    /// that wait in the accept queue are reset: accept until ``tryAccept()`` returns `nil` first, and see
    /// net.ipv4.tcp_migrate_req. The file of a Unix socket is removed.
    ///
    /// A thread that is blocked in ``accept()`` of a duplicate, or in another process, keeps listening. See
    /// ``stopListening()``.
    public consuming func close() {
        // The file first: once the socket is closed, a file of that name may be a successor's.
        file?.remove()
        _ = consume self
    }

    /// Ends listening for every descriptor of this socket, in other processes too: blocked accepts end with EINVAL,
    /// connections that wait are reset, the address stays taken until the descriptors are closed. This is the way to
    /// wake threads that are blocked in ``accept()``, and not a way to drain. The corresponding C function is
    /// `shutdown(2)`.
    public func stopListening() throws(SocketError) {
        do { try Kernel.shutdown(fileDescriptor, .reading) } catch {
            throw SocketError(.shutdown, address: address.description, errno: error)
        }
    }

    /// Hands the descriptor to the caller, who closes it from now on and, for a Unix socket, removes its file.
    public consuming func detach() -> Descriptor {
        file?.giveUp()
        return descriptor
    }

    /// Whether the file of a Unix socket is removed when the listener ends.
    package var ownsFile: Bool { file?.isOwner == true }

    /// Leaves the file of a Unix socket where it is when the listener ends, since another process goes on with it.
    package func keepFile() { file?.giveUp() }

    /// Removes the file of a Unix socket when the listener ends, since the process that made it leaves it to this one.
    package func takeFile() { file?.takeOver() }

    /// A second value for the same listener, with a descriptor of its own. They share the accept queue, the options
    /// and the blocking mode. The address stays taken until both are closed.
    public func duplicate() throws(SocketError) -> TCPListener {
        do {
            return TCPListener(
                descriptor: try descriptor.duplicate(), address: address, backlog: backlog, afterAccept: afterAccept,
                file: file, isNonBlocking: isNonBlocking.load(ordering: .relaxed))
        } catch {
            throw SocketError(.duplicate, address: address.description, errno: error)
        }
    }

    /// Takes over a listening descriptor that someone else made, such as one of `LISTEN_FDS`.
    ///
    /// Its options stay as they are. It becomes close-on-exec. A Unix socket's file is left to whoever made it, until
    /// ``takeFile()``.
    ///
    /// - Throws: operation `.listen`, when it is not a listening stream socket of a known kind; it is closed then.
    package static func inherited(
        _ descriptor: consuming Descriptor, options: SocketOptions = .default
    ) throws(SocketError) -> TCPListener {
        let fd = descriptor.rawValue
        let place = "descriptor \(fd)"
        let address: SocketAddress
        do throws(Errno) {
            guard try Kernel.isListening(fd) else {
                throw .invalidArgument
            }
            address = SocketAddress(try Kernel.localAddress(fd))
            try Kernel.setCloseOnExec(fd, true)
        } catch {
            let detail = error == .invalidArgument ? "it is a socket that does not listen" : nil
            throw SocketError(.listen, address: place, errno: error, detail: detail)
        }
        var file: SocketFile?
        if case .unix(let path) = address { file = SocketFile(path: path) }
        file?.giveUp()
        return TCPListener(
            descriptor: descriptor, address: address,
            backlog: Backlog(asked: nil, effective: Backlog.effective(of: fd, asked: nil)),
            afterAccept: options.settings(at: .accepted, for: address), file: file)
    }
}
