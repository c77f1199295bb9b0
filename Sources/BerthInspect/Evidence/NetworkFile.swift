package import BerthSockets
internal import BerthSystem

/// The sockets of another process's network, from `/proc/PID/net` (`man 5 proc_pid_net`): any user may read it, also where
/// entering that network, which sock_diag needs, takes root.
package struct NetworkFile: Sendable, Hashable {
    package struct Record: Sendable, Hashable {
        package var local: SocketAddress
        /// As in `tcp_states.h`: 10 is LISTEN, 7 is CLOSE (a UDP socket without a peer).
        package var state: UInt8
        package var user: UInt32
        package var inode: UInt64
    }

    package var records: [Record]

    /// Takes the text of `tcp`, `tcp6`, `udp` or `udp6` apart; lines that are none of it are skipped.
    package init(text: String) {
        records = text.split(separator: "\n").compactMap { line in
            let fields = line.split(separator: " ", maxSplits: 10, omittingEmptySubsequences: true)
            guard fields.count > 9, let local = Self.address(fields[1]), let state = UInt8(fields[3], radix: 16),
                let user = UInt32(fields[7]), let inode = UInt64(fields[9])
            else { return nil }
            return Record(local: local, state: state, user: user, inode: inode)
        }
    }

    /// Who waits at a port in the network of a process, for connections or for datagrams.
    ///
    /// Reads the first 4 MiB of each file, some 25,000 sockets: the kernel lists listeners first.
    static func waiting(at port: UInt16, _ transport: SocketRecord.Transport, inNetworkOf pid: Int32) -> [Record] {
        let (name, state): (String, UInt8) = transport == .tcp ? ("tcp", 10) : ("udp", 7)
        return [name, name + "6"].flatMap { name in
            let bytes = (try? Kernel.contents(of: "/proc/\(pid)/net/\(name)", limit: 1 << 22)) ?? []
            return NetworkFile(text: String(decoding: bytes, as: UTF8.self)).records.filter {
                $0.state == state && $0.local.port == port
            }
        }
    }

    /// Tells networks apart: each has files of its own in `/proc`, and every user may ask for their numbers.
    static func networkNumber(_ process: String) -> UInt64? {
        (try? Kernel.status(of: "/proc/\(process)/net/tcp"))?.inode
    }

    /// `0100007F:1F90`: words of 32 bits as the machine has them in memory, and the port as a number.
    private static func address(_ text: Substring) -> SocketAddress? {
        let parts = text.split(separator: ":")
        guard parts.count == 2, parts[0].utf8.count % 8 == 0, let port = UInt16(parts[1], radix: 16) else { return nil }
        var words: [UInt32] = []
        var rest = parts[0]
        while !rest.isEmpty {
            guard let word = UInt32(rest.prefix(8), radix: 16) else { return nil }
            words.append(UInt32(bigEndian: word))
            rest = rest.dropFirst(8)
        }
        switch words.count {
        case 1: return .ipv4(IPv4Address(bits: words[0]), port: port)
        case 4:
            let high = UInt64(words[0]) << 32 | UInt64(words[1])
            return .ipv6(IPv6Address(high: high, low: UInt64(words[2]) << 32 | UInt64(words[3])), port: port)
        default: return nil
        }
    }
}
