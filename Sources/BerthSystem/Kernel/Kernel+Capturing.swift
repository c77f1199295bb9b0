internal import CBerth
internal import Glibc

/// What the kernel says about a captured packet.
package struct CapturedPacket: Sendable, Hashable {
    /// Nanoseconds of the wall clock when the kernel took it; 0 when it did not say.
    package let time: Int64
    package let isOutgoing: Bool
    package let interface: Int32
    /// The bytes from the link header on; only the beginning of a long packet.
    package let bytes: [UInt8]
    /// How many there really were.
    package let length: Int

    package init(time: Int64, isOutgoing: Bool, interface: Int32, bytes: [UInt8], length: Int) {
        self.time = time
        self.isOutgoing = isOutgoing
        self.interface = interface
        self.bytes = bytes
        self.length = length
    }
}

/// A copy of every packet of the calling thread's network namespace, with the kernel's time. Needs CAP_NET_RAW there.
///
/// Source: `man 7 packet`.
package struct PacketTap: ~Copyable, Sendable {
    private let socket: Descriptor

    /// - Parameter bufferSize: how much may wait to be fetched, as far as that is allowed; what comes when it is full is
    ///   lost, and counted.
    package init(bufferSize: Int32) throws(Errno) {
        let opened = Descriptor(owning: try Kernel.retrying(.socket) { berth_packet_socket() })
        do { try Kernel.setOption(opened.rawValue, level: SOL_SOCKET, name: SO_RCVBUFFORCE, to: bufferSize) } catch {
            // Root of a user namespace may not go beyond net.core.rmem_max.
            try Kernel.setOption(opened.rawValue, level: SOL_SOCKET, name: SO_RCVBUF, to: bufferSize)
        }
        // SO_TIMESTAMPNS of asm/socket.h; the C library's macro chooses by the size of time_t and is not imported.
        try Kernel.setOption(opened.rawValue, level: SOL_SOCKET, name: 35, to: Int32(1))
        socket = opened
    }

    /// The next packet that is there, of which at most as much is kept as `buffer` holds; `nil` when there is none.
    package func next(_ buffer: inout [UInt8]) throws(Errno) -> CapturedPacket? {
        var about = berth_packet()
        let fd = socket.rawValue
        let length = unsafe buffer.withUnsafeMutableBytes { memory in
            unsafe berth_packet_receive(fd, memory.baseAddress, memory.count, &about)
        }
        if length < 0 {
            let errno = Errno.current
            if errno == .wouldBlock || errno == .interrupted { return nil }
            throw errno
        }
        return CapturedPacket(
            time: about.time, isOutgoing: about.is_outgoing, interface: about.interface,
            bytes: Array(buffer.prefix(length)), length: length)
    }

    /// How many packets were lost since the last call.
    package func lost() throws(Errno) -> Int {
        var drops: UInt32 = 0
        if unsafe berth_packet_drops(socket.rawValue, &drops) < 0 { throw .current }
        return Int(drops)
    }
}

extension Kernel {
    /// Has the kernel drop what arrives for a socket, as if the network had lost it: every segment, or those without
    /// or with some of the flags of the TCP header. A listener's connections inherit it. The corresponding C function
    /// is `setsockopt(2)` with SO_ATTACH_FILTER and a classic BPF program (`man 7 socket`).
    ///
    /// - Parameters:
    ///   - withAny: drop segments that have one of these flags; 0xff is every segment.
    ///   - withNone: of them only those that have none of these.
    package static func dropArriving(_ fd: Int32, withAny: UInt8, withNone: UInt8) throws(Errno) {
        // The program sees the segment from its TCP header on: byte 13 has the flags.
        let program = [
            sock_filter(code: UInt16(BPF_LD | BPF_B | BPF_ABS), jt: 0, jf: 0, k: 13),
            sock_filter(code: UInt16(BPF_JMP | BPF_JSET | BPF_K), jt: 2, jf: 0, k: UInt32(withNone)),
            sock_filter(code: UInt16(BPF_JMP | BPF_JSET | BPF_K), jt: 0, jf: 1, k: UInt32(withAny)),
            sock_filter(code: UInt16(BPF_RET | BPF_K), jt: 0, jf: 0, k: 0),
            sock_filter(code: UInt16(BPF_RET | BPF_K), jt: 0, jf: 0, k: .max),
        ]
        _ = try retrying(.setOption, fd) {
            unsafe program.withUnsafeBufferPointer { unsafe berth_attach_filter(fd, $0.baseAddress, UInt16($0.count)) }
        }
    }

    /// Ends that. The corresponding C function is `setsockopt(2)` with SO_DETACH_FILTER.
    package static func dropNothing(_ fd: Int32) throws(Errno) {
        _ = try retrying(.setOption, fd) { berth_detach_filter(fd) }
    }

    /// Gives the calling thread, and the threads it starts from now on, a table of descriptors of its own, in which only
    /// 0, 1 and 2 are open: what other threads open and close has nothing to do with it, and what it starts inherits
    /// nothing of theirs. The corresponding C function is `close_range(2)` with CLOSE_RANGE_UNSHARE.
    package static func takeOwnDescriptors() throws(Errno) {
        if berth_own_descriptors() < 0 { throw .current }
    }

    /// How often the calling thread has gone to sleep, and was therefore woken. The corresponding C function is
    /// `getrusage(2)` with RUSAGE_THREAD, of which this is ru_nvcsw.
    package static var threadSleeps: Int { Int(berth_thread_sleeps()) }

    /// Starts a program as root of a new user namespace, where it may make network namespaces; outside it has no right
    /// that the caller has not. It is killed when the calling thread ends. The corresponding C functions are `fork(2)`,
    /// `unshare(2)` with CLONE_NEWUSER and `execve(2)`.
    ///
    /// - Throws: `.notPermitted` or `.noSpaceOnDevice` where user namespaces are switched off.
    package static func startAsNamespaceRoot(
        _ program: String, arguments: [String], environment: [String]
    ) throws(Errno) -> Int32 {
        let pid = unsafe withCStrings(arguments) { arguments in
            unsafe withCStrings(environment) { environment in
                unsafe program.withCString { unsafe berth_start_as_namespace_root($0, arguments, environment) }
            }
        }
        if pid < 0 { throw .current }
        return pid
    }
}
