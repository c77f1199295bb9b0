internal import BerthSystem

/// Who holds which sockets.
public struct ProcessTable: Sendable, Hashable {
    /// The owners of each socket that was asked for, by its inode, in the order of their process numbers.
    public var owners: [UInt64: [SocketOwner]]
    /// The processes into whose descriptors this one may not look.
    public var unreadableProcesses: Int

    public init(owners: [UInt64: [SocketOwner]] = [:], unreadableProcesses: Int = 0) {
        self.owners = owners
        self.unreadableProcesses = unreadableProcesses
    }

    /// Looks through the descriptors of all processes that can be seen. What is not permitted is counted, processes
    /// that end meanwhile are left out.
    ///
    /// - Parameter sockets: the inodes looked for.
    public static func read(ownersOf sockets: Set<UInt64>) -> Reading<ProcessTable> {
        if sockets.isEmpty { return .known(ProcessTable()) }
        let names: [String]
        do throws(Errno) { names = try Kernel.names(inDirectory: "/proc") } catch {
            return .unknown(.failed(error))
        }
        let pids = names.compactMap { Int32($0) }.sorted()
        // Without any process in it, /proc is not mounted or hides everything.
        if pids.isEmpty { return .unknown(.notVisible) }
        var table = ProcessTable()
        let reader = ProcessReader()
        for pid in pids {
            // A process may hold one socket by several descriptors: the lowest stands for them.
            var found: [UInt64: Int32] = [:]
            do throws(Errno) {
                try forEachSocket(of: pid) { inode, descriptor in
                    if sockets.contains(inode) { found[inode] = min(found[inode] ?? descriptor, descriptor) }
                }
            } catch {
                if error == .permissionDenied || error == .notPermitted { table.unreadableProcesses += 1 }
                continue
            }
            if found.isEmpty { continue }
            guard let process = reader.process(pid) else { continue }
            for (inode, descriptor) in found {
                table.owners[inode, default: []].append(SocketOwner(process: process, descriptor: descriptor))
            }
        }
        return .known(table)
    }

    /// The owners of a socket, or why they are not known.
    public func owners(of record: SocketRecord) -> Reading<[SocketOwner]> {
        guard let inode = record.inode else { return .unknown(.heldByKernel) }
        if let owners = owners[inode], !owners.isEmpty { return .known(owners) }
        return .unknown(unreadableProcesses > 0 ? .notPermitted : .notVisible)
    }

    /// Calls `body` with the inode and the descriptor of each socket that a process has open.
    static func forEachSocket(
        of pid: Int32, _ body: (_ inode: UInt64, _ descriptor: Int32) -> Void
    ) throws(Errno) {
        try Kernel.links(inDirectory: "/proc/\(pid)/fd") { descriptor, target in
            if let inode = socketInode(target) { body(inode, descriptor) }
        }
    }

    /// The number in `socket:[4711]`.
    static func socketInode(_ target: Span<UInt8>) -> UInt64? {
        let prefix: StaticString = "socket:["
        let count = target.count
        guard count > 9, count <= 28, target[count - 1] == UInt8(ascii: "]") else { return nil }
        var number: UInt64 = 0
        for index in 0..<count - 1 {
            let byte = target[index]
            if index < 8 {
                // Eight characters of ASCII, which outlive everything.
                guard unsafe byte == prefix.utf8Start[index] else { return nil }
            } else {
                guard byte >= 0x30, byte <= 0x39 else { return nil }
                let (product, overflow) = number.multipliedReportingOverflow(by: 10)
                let (sum, overflowed) = product.addingReportingOverflow(UInt64(byte - 0x30))
                if overflow || overflowed { return nil }
                number = sum
            }
        }
        return number
    }
}
