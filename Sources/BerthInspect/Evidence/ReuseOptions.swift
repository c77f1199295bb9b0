public import BerthSockets
internal import BerthSystem

/// The two socket options that decide whether an address can be held twice (`man 7 socket`).
public struct ReuseOptions: Sendable, Hashable {
    /// SO_REUSEADDR.
    public var reuseAddress: Bool
    /// SO_REUSEPORT.
    public var reusePort: Bool

    public init(reuseAddress: Bool, reusePort: Bool) {
        self.reuseAddress = reuseAddress
        self.reusePort = reusePort
    }

    /// What a policy sets on Linux.
    public init(_ policy: ReusePolicy) {
        let flags = policy.flags(on: .linux) ?? []
        self.init(reuseAddress: flags.contains(.reuseAddress), reusePort: flags.contains(.reusePort))
    }
}

extension ReuseOptions: CustomStringConvertible {
    public var description: String {
        "SO_REUSEADDR \(reuseAddress ? "on" : "off"), SO_REUSEPORT \(reusePort ? "on" : "off")"
    }
}

/// What can be read of another process's socket only through the socket itself.
struct SocketSettings: Sendable, Hashable {
    var options: ReuseOptions
    /// IPV6_V6ONLY; `nil` for IPv4.
    var isIPv6Only: Bool?

    /// Reads them through a duplicate of the owner's descriptor.
    static func read(inode: UInt64, descriptor: Int32, of pid: Int32) -> Reading<SocketSettings> {
        do throws(Errno) {
            let copy = try Kernel.duplicate(descriptor: descriptor, ofProcess: pid)
            let fd = copy.rawValue
            // The process may have ended and its number, or the descriptor's, may be in use for something else.
            guard try Kernel.status(fd).inode == inode else { return .unknown(.notVisible) }
            let sharing = try Kernel.sharing(fd)
            return .known(
                SocketSettings(
                    options: .init(reuseAddress: sharing.reuseAddress, reusePort: sharing.reusePort),
                    isIPv6Only: sharing.isIPv6Only))
        } catch {
            return .unknown(Unknown(error))
        }
    }
}
