package import CBerth
package import Glibc

/// A socket address as the kernel takes it: `sockaddr_storage` and how much of it counts.
package struct RawSocketAddress: @unchecked Sendable {
    // Unchecked because sockaddr_storage is imported without Sendable; it is plain bytes.
    package var storage = sockaddr_storage()
    package var length: socklen_t

    package init() { length = socklen_t(MemoryLayout<sockaddr_storage>.size) }

    package var family: Int32 { Int32(storage.ss_family) }

    /// Copies `address` (a `sockaddr_in`, `sockaddr_in6` or `sockaddr_un`), of which `length` bytes count.
    package init<Address>(_ address: Address, length: Int = MemoryLayout<Address>.size) {
        self.length = socklen_t(length)
        unsafe withUnsafeMutableBytes(of: &storage) { target in
            unsafe withUnsafeBytes(of: address) { unsafe target.copyMemory(from: .init(rebasing: $0.prefix(length))) }
        }
    }

    /// The bytes read as one of the specific address structures.
    package func load<Address>(as type: Address.Type) -> Address {
        unsafe withUnsafeBytes(of: storage) { unsafe $0.loadUnaligned(as: type) }
    }

    package func withPointer<R>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
        unsafe withUnsafePointer(to: storage) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0, length) }
        }
    }

    package mutating func withMutablePointer<R>(
        _ body: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> R
    ) -> R {
        length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return unsafe withUnsafeMutablePointer(to: &storage) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0, &length) }
        }
    }
}

extension Kernel {
    /// Opens a stream socket. The corresponding C function is `socket(2)` with SOCK_STREAM and SOCK_CLOEXEC.
    package static func openStreamSocket(family: Int32, nonBlocking: Bool) throws(Errno) -> Descriptor {
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let flags = nonBlocking ? type | Int32(SOCK_NONBLOCK.rawValue) : type
        return Descriptor(owning: try retrying(.socket) { socket(family, flags, 0) })
    }

    /// Binds a socket to an address. The corresponding C function is `bind(2)`.
    package static func bind(_ fd: Int32, to address: RawSocketAddress) throws(Errno) {
        _ = try retrying(.bind, fd) { unsafe address.withPointer { unsafe Glibc.bind(fd, $0, $1) } }
    }

    /// Starts to listen. The corresponding C function is `listen(2)`; the kernel clamps `backlog` to somaxconn.
    package static func listen(_ fd: Int32, backlog: Int32) throws(Errno) {
        _ = try retrying(.listen, fd) { Glibc.listen(fd, backlog) }
    }

    /// Connects a socket. The corresponding C function is `connect(2)`; `.connecting` on a non-blocking socket.
    ///
    /// An interrupted connect goes on by itself (POSIX), so the call is not repeated: a blocking caller sees
    /// `.connecting` as well, and waits for writability.
    package static func connect(_ fd: Int32, to address: RawSocketAddress) throws(Errno) {
        do {
            _ = try retrying(.connect, fd) {
                let result = unsafe address.withPointer { unsafe Glibc.connect(fd, $0, $1) }
                if result < 0, errno == EINTR { errno = EINPROGRESS }
                return result
            }
        }
    }

    /// Takes a connection from the accept queue. The corresponding C function is `accept4(2)` with SOCK_CLOEXEC.
    package static func accept(
        _ fd: Int32, nonBlocking: Bool, peer: inout RawSocketAddress
    ) throws(Errno) -> Descriptor {
        let flags = Int32(SOCK_CLOEXEC.rawValue) | (nonBlocking ? Int32(SOCK_NONBLOCK.rawValue) : 0)
        let accepted = try retrying(.accept, fd) {
            unsafe peer.withMutablePointer { unsafe berth_accept4(fd, $0, $1, flags) }
        }
        return Descriptor(owning: accepted)
    }

    /// The address a socket is bound to. The corresponding C function is `getsockname(2)`.
    package static func localAddress(_ fd: Int32) throws(Errno) -> RawSocketAddress {
        var address = RawSocketAddress()
        _ = try retrying(.localAddress, fd) { unsafe address.withMutablePointer { unsafe getsockname(fd, $0, $1) } }
        return address
    }

    /// The port a socket is bound to, for the fault layer, which must not fault itself; `nil` for what has none.
    static func unfaultedLocalPort(_ fd: Int32) -> UInt16? {
        var address = RawSocketAddress()
        guard fd >= 0, unsafe address.withMutablePointer({ unsafe getsockname(fd, $0, $1) }) == 0 else { return nil }
        // The port is at the same place in both.
        guard address.family == AF_INET || address.family == AF_INET6 else { return nil }
        return UInt16(bigEndian: address.load(as: sockaddr_in.self).sin_port)
    }

    /// The address of the peer. The corresponding C function is `getpeername(2)`.
    package static func peerAddress(_ fd: Int32) throws(Errno) -> RawSocketAddress {
        var address = RawSocketAddress()
        _ = try retrying(.peerAddress, fd) { unsafe address.withMutablePointer { unsafe getpeername(fd, $0, $1) } }
        return address
    }

    /// A half of a connection, or both.
    package enum Half: Int32, Sendable {
        case reading = 0
        case writing = 1
        case both = 2
    }

    /// Shuts a half of a connection. The corresponding C function is `shutdown(2)`.
    package static func shutdown(_ fd: Int32, _ half: Half) throws(Errno) {
        _ = try retrying(.shutdown, fd) { Glibc.shutdown(fd, half.rawValue) }
    }

    /// Sets a socket option from the bytes of `value`. The corresponding C function is `setsockopt(2)`.
    package static func setOption<Value>(_ fd: Int32, level: Int32, name: Int32, to value: Value) throws(Errno) {
        _ = try retrying(.setOption, fd) {
            unsafe withUnsafeBytes(of: value) { bytes in
                unsafe setsockopt(fd, level, name, bytes.baseAddress, socklen_t(bytes.count))
            }
        }
    }

    /// Sets a socket option from bytes, for options whose value is a text.
    package static func setOption(_ fd: Int32, level: Int32, name: Int32, bytes: [UInt8]) throws(Errno) {
        _ = try retrying(.setOption, fd) {
            unsafe bytes.withUnsafeBytes { bytes in
                unsafe setsockopt(fd, level, name, bytes.baseAddress, socklen_t(bytes.count))
            }
        }
    }

    /// Reads a socket option into a value of plain bytes. The corresponding C function is `getsockopt(2)`.
    package static func option<Value>(_ fd: Int32, level: Int32, name: Int32, initial: Value) throws(Errno) -> Value {
        var value = initial
        _ = try retrying(.getOption, fd) {
            unsafe withUnsafeMutableBytes(of: &value) { bytes in
                var length = socklen_t(bytes.count)
                return unsafe getsockopt(fd, level, name, bytes.baseAddress, &length)
            }
        }
        return value
    }

    /// Reads a socket option as bytes, at most `count` of them.
    package static func option(_ fd: Int32, level: Int32, name: Int32, count: Int) throws(Errno) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var length = socklen_t(count)
        _ = try retrying(.getOption, fd) {
            unsafe bytes.withUnsafeMutableBytes { unsafe getsockopt(fd, level, name, $0.baseAddress, &length) }
        }
        return Array(bytes.prefix(Int(length)))
    }

    /// How many bytes were sent but not acknowledged, plus those not sent yet. The corresponding C function is
    /// `ioctl(2)` with SIOCOUTQ (`man 7 tcp`).
    package static func unsentBytes(_ fd: Int32) throws(Errno) -> Int {
        var count: Int32 = 0
        _ = try retrying(.getOption, fd) { unsafe berth_unsent_bytes(fd, &count) }
        return Int(count)
    }

    /// How many bytes have arrived and were not read. The corresponding C function is `ioctl(2)` with SIOCINQ
    /// (`man 7 tcp`).
    package static func unreadBytes(_ fd: Int32) throws(Errno) -> Int {
        var count: Int32 = 0
        _ = try retrying(.getOption, fd) { unsafe berth_unread_bytes(fd, &count) }
        return Int(count)
    }

    /// The kernel's TCP_INFO of a TCP socket (`man 7 tcp`).
    package static func tcpInfo(_ fd: Int32) throws(Errno) -> berth_tcp_info {
        var info = berth_tcp_info()
        _ = try retrying(.getOption, fd) { unsafe berth_tcp_info_read(fd, &info) }
        return info
    }
}

extension Kernel {
    /// Makes the last close of a socket send an RST. The corresponding C function is `setsockopt(2)` with SO_LINGER
    /// {1, 0}.
    package static func setResetOnClose(_ fd: Int32) throws(Errno) {
        try setOption(fd, level: SOL_SOCKET, name: SO_LINGER, to: linger(l_onoff: 1, l_linger: 0))
    }

    /// Dissolves a TCP connection with an RST, for all descriptors of the socket. The corresponding C function is
    /// `connect(2)` with an address of AF_UNSPEC.
    package static func disconnect(_ fd: Int32) throws(Errno) {
        try connect(
            fd,
            to: RawSocketAddress(
                sockaddr(
                    sa_family: sa_family_t(AF_UNSPEC),
                    sa_data: (
                        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
                    ))))
    }

    /// Bounds how long a blocking receive may wait before it fails with `.wouldBlock`; `nil` for no bound. The
    /// corresponding C function is `setsockopt(2)` with SO_RCVTIMEO (`man 7 socket`).
    package static func setReceiveWaitLimit(_ fd: Int32, to time: Duration?) throws(Errno) {
        // A zero timeval means "no limit", so a limit is at least a microsecond.
        let microseconds = time.map { max(1, $0.wholeNanoseconds / 1000) } ?? 0
        let value = timeval(tv_sec: Int(microseconds / 1_000_000), tv_usec: Int(microseconds % 1_000_000))
        try setOption(fd, level: SOL_SOCKET, name: SO_RCVTIMEO, to: value)
    }
}

extension Kernel {
    /// The error that waits on a socket, after a non-blocking connect above all; reading it takes it away. The
    /// corresponding C function is `getsockopt(2)` with SO_ERROR.
    package static func pendingError(_ fd: Int32) throws(Errno) -> Errno? {
        let code: Int32 = try option(fd, level: SOL_SOCKET, name: SO_ERROR, initial: 0)
        return code == 0 ? nil : Errno(rawValue: code)
    }

    /// Limits how long a blocking send or connect waits; `nil` for no limit. The corresponding C function is
    /// `setsockopt(2)` with SO_SNDTIMEO.
    package static func setSendWaitLimit(_ fd: Int32, to time: Duration?) throws(Errno) {
        // Zero would mean no limit.
        let microseconds = time.map { max(1, ($0.wholeNanoseconds + 999) / 1000) } ?? 0
        let value = timeval(tv_sec: Int(microseconds / 1_000_000), tv_usec: Int(microseconds % 1_000_000))
        try setOption(fd, level: SOL_SOCKET, name: SO_SNDTIMEO, to: value)
    }

    /// Whether a socket listens. The corresponding C function is `getsockopt(2)` with SO_ACCEPTCONN.
    package static func isListening(_ fd: Int32) throws(Errno) -> Bool {
        try option(fd, level: SOL_SOCKET, name: SO_ACCEPTCONN, initial: Int32(0)) != 0
    }

    /// Locks an open file or directory for this open file alone, without waiting: `.wouldBlock` when someone else has
    /// it. Closing the descriptor gives it up. The corresponding C function is `flock(2)` with LOCK_EX and LOCK_NB.
    package static func lock(_ fd: Int32) throws(Errno) {
        _ = try retrying(.open, fd) { flock(fd, LOCK_EX | LOCK_NB) }
    }

    /// A whole number from a file of /proc/sys, for example `net/core/somaxconn`; `nil` when it cannot be read.
    package static func systemSetting(_ name: String) -> Int? {
        guard let bytes = try? contents(of: "/proc/sys/\(name)", limit: 64) else { return nil }
        return Int(String(decoding: bytes.prefix { $0 >= 0x30 && $0 <= 0x39 || $0 == 0x2d }, as: UTF8.self))
    }
}
