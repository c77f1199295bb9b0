public import BerthSockets
internal import BerthSystem

/// The settings of the machine that decide whether an address can be bound.
public struct HostSettings: Sendable, Hashable {
    /// The ports that the kernel gives to outgoing connections (`net.ipv4.ip_local_port_range`).
    public var ephemeralPorts: Reading<ClosedRange<UInt16>>
    /// Ports below this one need CAP_NET_BIND_SERVICE (`net.ipv4.ip_unprivileged_port_start`).
    public var firstUnprivilegedPort: Reading<UInt16>
    /// How long a half-closed connection without a process is kept (`net.ipv4.tcp_fin_timeout`).
    public var finTimeout: Reading<Duration>
    /// Whether sockets of IPv6 leave IPv4 alone unless told otherwise (`net.ipv6.bindv6only`).
    public var isIPv6OnlyByDefault: Reading<Bool>
    /// Whether addresses of other machines can be bound (`net.ipv4.ip_nonlocal_bind`).
    public var allowsForeignAddresses: Reading<Bool>
    /// The addresses of the interfaces, with port 0.
    public var addresses: Reading<[SocketAddress]>
    /// Whether this process may bind any port (CAP_NET_BIND_SERVICE).
    public var mayBindAnyPort: Reading<Bool>
    /// The kernel's version, major and minor.
    public var kernel: Reading<KernelVersion>

    /// The first two numbers of the kernel's version.
    public struct KernelVersion: Sendable, Hashable, Comparable, CustomStringConvertible {
        public var major: Int
        public var minor: Int

        public init(major: Int, minor: Int) {
            self.major = major
            self.minor = minor
        }

        public static func < (left: KernelVersion, right: KernelVersion) -> Bool {
            (left.major, left.minor) < (right.major, right.minor)
        }

        public var description: String { "\(major).\(minor)" }
    }

    /// Settings of which nothing is known.
    public init() {
        ephemeralPorts = .unknown(.notLookedAt)
        firstUnprivilegedPort = .unknown(.notLookedAt)
        finTimeout = .unknown(.notLookedAt)
        isIPv6OnlyByDefault = .unknown(.notLookedAt)
        allowsForeignAddresses = .unknown(.notLookedAt)
        addresses = .unknown(.notLookedAt)
        mayBindAnyPort = .unknown(.notLookedAt)
        kernel = .unknown(.notLookedAt)
    }

    /// Reads the settings of the calling thread's network namespace.
    public static func read() -> HostSettings {
        var settings = HostSettings()
        settings.ephemeralPorts = numbers("net/ipv4/ip_local_port_range", count: 2).flatMap { range in
            guard let low = UInt16(exactly: range[0]), let high = UInt16(exactly: range[1]), low <= high else {
                return .unknown(.unreadable)
            }
            return .known(low...high)
        }
        settings.firstUnprivilegedPort = numbers("net/ipv4/ip_unprivileged_port_start").flatMap { start in
            .known(UInt16(clamping: start[0]))
        }
        settings.finTimeout = numbers("net/ipv4/tcp_fin_timeout").flatMap { .known(.seconds($0[0])) }
        settings.isIPv6OnlyByDefault = numbers("net/ipv6/bindv6only").flatMap { .known($0[0] != 0) }
        settings.allowsForeignAddresses = numbers("net/ipv4/ip_nonlocal_bind").flatMap { .known($0[0] != 0) }
        do throws(Errno) {
            settings.addresses = .known(try Kernel.interfaceAddresses().map { SocketAddress($0).withPort(0) })
        } catch {
            settings.addresses = .unknown(Unknown(error))
        }
        settings.mayBindAnyPort = text("/proc/thread-self/status").flatMap { status in
            // CAP_NET_BIND_SERVICE is number 10 (linux/capability.h).
            ProcessStat.effectiveCapabilities(status: status).map { .known($0 & (1 << 10) != 0) }
                ?? .unknown(.unreadable)
        }
        settings.kernel = text("/proc/sys/kernel/osrelease").flatMap { release in
            let parts = release.split { !$0.isNumber }
            guard parts.count >= 2, let major = Int(parts[0]), let minor = Int(parts[1]) else {
                return .unknown(.unreadable)
            }
            return .known(KernelVersion(major: major, minor: minor))
        }
        return settings
    }

    private static func text(_ path: String) -> Reading<String> {
        do throws(Errno) { return .known(String(decoding: try Kernel.contents(of: path), as: UTF8.self)) } catch {
            return .unknown(Unknown(error))
        }
    }

    /// The numbers in a file below `/proc/sys`.
    private static func numbers(_ name: String, count: Int = 1) -> Reading<[Int]> {
        text("/proc/sys/\(name)").flatMap { text in
            let numbers = text.split { $0 == "\t" || $0 == " " || $0 == "\n" }.compactMap { Int($0) }
            return numbers.count == count ? .known(numbers) : .unknown(.unreadable)
        }
    }
}

extension Reading {
    func flatMap<Other>(_ transform: (Value) -> Reading<Other>) -> Reading<Other> {
        switch self {
        case .known(let value): transform(value)
        case .unknown(let gap): .unknown(gap)
        }
    }
}
