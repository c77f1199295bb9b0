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
            let descriptors: [String]
            do throws(Errno) { descriptors = try Kernel.names(inDirectory: "/proc/\(pid)/fd") } catch {
                if error == .permissionDenied || error == .notPermitted { table.unreadableProcesses += 1 }
                continue
            }
            // A process may hold one socket by several descriptors: the lowest stands for them.
            var found: [UInt64: Int32] = [:]
            for descriptor in descriptors {
                guard let number = Int32(descriptor), let target = try? Kernel.linkTarget("/proc/\(pid)/fd/\(number)"),
                    let inode = socketInode(target), sockets.contains(inode)
                else { continue }
                found[inode] = min(found[inode] ?? number, number)
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

    /// The number in `socket:[4711]`.
    static func socketInode(_ target: String) -> UInt64? {
        guard target.hasPrefix("socket:["), target.hasSuffix("]") else { return nil }
        return UInt64(target.dropFirst("socket:[".count).dropLast())
    }
}
