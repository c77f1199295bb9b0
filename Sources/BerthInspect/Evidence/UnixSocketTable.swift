internal import BerthSockets
internal import BerthSystem

/// The Unix sockets with a name, of this network namespace.
struct UnixSocketTable: Sendable, Hashable {
    struct Record: Sendable, Hashable {
        var inode: UInt64
        var listens: Bool
        /// A path, or `@` and an abstract name, as the kernel writes them.
        var name: String
    }

    var records: [Record]

    /// Takes `/proc/net/unix` apart (`man 5 proc_pid_net`): seven columns, and the name for those that have one. A
    /// line break in a name makes lines that are none; they are skipped.
    init(text: String) {
        records = text.split(separator: "\n").compactMap { line in
            let fields = line.split(separator: " ", maxSplits: 7, omittingEmptySubsequences: true)
            guard fields.count == 8, fields[0].hasSuffix(":"), let flags = UInt32(fields[3], radix: 16),
                let inode = UInt64(fields[6])
            else { return nil }
            // __SO_ACCEPTCON: it listens.
            return Record(inode: inode, listens: flags & (1 << 16) != 0, name: String(fields[7]))
        }
    }

    static func read() -> Reading<UnixSocketTable> {
        do throws(Errno) {
            let bytes = try Kernel.contents(of: "/proc/thread-self/net/unix", limit: 1 << 26)
            return .known(UnixSocketTable(text: String(decoding: bytes, as: UTF8.self)))
        } catch {
            return .unknown(Unknown(error))
        }
    }

    /// The sockets bound to `address`, listeners first.
    func records(at address: SocketAddress) -> [Record] {
        let name: String
        switch address {
        case .unix(let path): name = path
        // The kernel writes null bytes of a name as "@", too.
        case .abstract(let bytes): name = "@" + String(decoding: bytes.map { $0 == 0 ? 0x40 : $0 }, as: UTF8.self)
        case .ipv4, .ipv6, .unnamed: return []
        }
        let found = records.filter { $0.name == name }
        return found.filter(\.listens) + found.filter { !$0.listens }
    }
}
