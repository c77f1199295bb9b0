internal import CBerth
internal import Glibc

/// A moment of the wall clock, taken apart in the time zone of the machine.
public struct LocalTime: Sendable, Hashable {
    public let year: Int
    public let month: Int
    public let day: Int
    public let hour: Int
    public let minute: Int
    public let second: Int

    public init(year: Int, month: Int, day: Int, hour: Int, minute: Int, second: Int) {
        self.year = year
        self.month = month
        self.day = day
        self.hour = hour
        self.minute = minute
        self.second = second
    }
}

/// Calls that look at the machine and at other processes, and change nothing.
extension Kernel {
    /// A descriptor of another process, duplicated into this one, close-on-exec. The corresponding functions are
    /// `pidfd_open(2)` and `pidfd_getfd(2)`.
    ///
    /// - Throws: `.notPermitted` without the right to trace the process, `.noSuchProcess` when it is gone,
    ///   `.badDescriptor` when it has closed the descriptor meanwhile.
    package static func duplicate(descriptor: Int32, ofProcess pid: Int32) throws(Errno) -> Descriptor {
        let process = Descriptor(owning: try retrying(.open) { berth_pidfd_open(pid) })
        return Descriptor(
            owning: try retrying(.duplicate, descriptor) { berth_pidfd_getfd(process.rawValue, descriptor) })
    }

    /// What a socket was told about sharing its address: SO_REUSEADDR, SO_REUSEPORT, and IPV6_V6ONLY (`nil` for any
    /// family but IPv6). The corresponding C function is `getsockopt(2)`.
    package static func sharing(
        _ fd: Int32
    ) throws(Errno) -> (reuseAddress: Bool, reusePort: Bool, isIPv6Only: Bool?) {
        func isOn(_ level: Int32, _ name: Int32) throws(Errno) -> Bool {
            try option(fd, level: level, name: name, initial: Int32(0)) != 0
        }
        let isIPv6 = try option(fd, level: SOL_SOCKET, name: SO_DOMAIN, initial: Int32(0)) == AF_INET6
        return (
            try isOn(SOL_SOCKET, SO_REUSEADDR), try isOn(SOL_SOCKET, SO_REUSEPORT),
            isIPv6 ? try isOn(Int32(IPPROTO_IPV6), IPV6_V6ONLY) : nil
        )
    }

    /// Opens a datagram socket. The corresponding C function is `socket(2)` with SOCK_DGRAM and SOCK_CLOEXEC.
    package static func openDatagramSocket(family: Int32) throws(Errno) -> Descriptor {
        let type = Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        return Descriptor(owning: try retrying(.socket) { socket(family, type, 0) })
    }

    /// Sets what a socket says about sharing its address before bind; `nil` leaves IPV6_V6ONLY alone. The corresponding
    /// C function is `setsockopt(2)`.
    package static func setSharing(
        _ fd: Int32, reuseAddress: Bool, reusePort: Bool, isIPv6Only: Bool?
    ) throws(Errno) {
        if reuseAddress { try setOption(fd, level: SOL_SOCKET, name: SO_REUSEADDR, to: Int32(1)) }
        if reusePort { try setOption(fd, level: SOL_SOCKET, name: SO_REUSEPORT, to: Int32(1)) }
        if let isIPv6Only {
            try setOption(fd, level: Int32(IPPROTO_IPV6), name: IPV6_V6ONLY, to: Int32(isIPv6Only ? 1 : 0))
        }
    }

    /// How a socket was told to behave: SO_KEEPALIVE, TCP_NODELAY, and the seconds of SO_LINGER when it is on. The
    /// corresponding C function is `getsockopt(2)`.
    package static func manners(
        _ fd: Int32, isTCP: Bool
    ) throws(Errno) -> (keepAlive: Bool, noDelay: Bool, linger: Int?) {
        let end = try option(fd, level: SOL_SOCKET, name: SO_LINGER, initial: Glibc.linger())
        return (
            try option(fd, level: SOL_SOCKET, name: SO_KEEPALIVE, initial: Int32(0)) != 0,
            isTCP ? try option(fd, level: Int32(IPPROTO_TCP), name: TCP_NODELAY, initial: Int32(0)) != 0 : false,
            end.l_onoff != 0 ? Int(end.l_linger) : nil
        )
    }

    /// The number of this process. The corresponding C function is `getpid(2)`.
    package static var processID: Int32 { getpid() }

    /// The effective user of this process. The corresponding C function is `geteuid(2)`.
    package static var effectiveUser: UInt32 { geteuid() }

    /// How many of the ticks in `/proc/PID/stat` make a second. The corresponding C function is `sysconf(3)` with
    /// _SC_CLK_TCK.
    package static var ticksPerSecond: Int { max(1, sysconf(Int32(_SC_CLK_TCK))) }

    /// The processor time of the calling thread so far, user and system together, in nanoseconds. The corresponding C
    /// function is `clock_gettime(2)` with CLOCK_THREAD_CPUTIME_ID.
    package static var threadProcessorTime: Int64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    /// How late the kernel may end a timed wait of the calling thread to join it with others; 50 µs unless set. The
    /// corresponding C function is `prctl(2)` with PR_SET_TIMERSLACK.
    package static func setTimerSlack(nanoseconds: UInt) throws(Errno) {
        if berth_thread_set_timer_slack(nanoseconds) < 0 { throw .current }
    }

    /// Nanoseconds since 1970 by the wall clock. The corresponding C function is `clock_gettime(2)` with
    /// CLOCK_REALTIME.
    package static var wallClock: Int64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    /// Takes a moment of the wall clock apart; `nil` outside of the years that the C library knows. The corresponding
    /// C function is `localtime_r(3)`.
    package static func localTime(nanosecondsSince1970 time: Int64) -> LocalTime? {
        var seconds = time_t(time / 1_000_000_000)
        var parts = tm()
        guard unsafe localtime_r(&seconds, &parts) != nil else { return nil }
        return LocalTime(
            year: Int(parts.tm_year) + 1900, month: Int(parts.tm_mon) + 1, day: Int(parts.tm_mday),
            hour: Int(parts.tm_hour), minute: Int(parts.tm_min), second: Int(parts.tm_sec))
    }

    /// The addresses of the interfaces in the calling thread's network namespace. The corresponding C function is
    /// `getifaddrs(3)`.
    package static func interfaceAddresses() throws(Errno) -> [RawSocketAddress] {
        var list: UnsafeMutablePointer<ifaddrs>?
        guard unsafe getifaddrs(&list) == 0 else { throw .current }
        defer { unsafe freeifaddrs(list) }
        var addresses: [RawSocketAddress] = []
        var next = unsafe list
        while let entry = unsafe next {
            if let address = unsafe entry.pointee.ifa_addr {
                switch unsafe Int32(address.pointee.sa_family) {
                case AF_INET:
                    // The C library allocates what the family says.
                    unsafe address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
                        addresses.append(RawSocketAddress(unsafe $0.pointee))
                    }
                case AF_INET6:
                    unsafe address.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) {
                        addresses.append(RawSocketAddress(unsafe $0.pointee))
                    }
                default: break
                }
            }
            unsafe next = entry.pointee.ifa_next
        }
        return addresses
    }
}
