internal import BerthSystem

/// A walk through the descriptors of all processes, which takes as long as the kernel's own list of sockets: the two run
/// side by side.
struct OwnerScan: Sendable {
    var entries: [OwnerIndex.Entry] = []
    /// Processes into whose descriptors this one may not look.
    var unreadableProcesses = 0
    /// Why there are no processes at all.
    var failure: Errno?

    /// Walks on the calling thread. Processes that end meanwhile are left out.
    static func run() -> OwnerScan {
        var scan = OwnerScan()
        let names: [String]
        do throws(Errno) { names = try Kernel.names(inDirectory: "/proc") } catch {
            scan.failure = error
            return scan
        }
        for pid in names.lazy.compactMap({ Int32($0) }) {
            do throws(Errno) {
                try ProcessTable.forEachSocket(of: pid) { inode, descriptor in
                    guard let inode = UInt32(exactly: inode) else { return }
                    scan.entries.append(.init(inode: inode, pid: pid, descriptor: descriptor))
                }
            } catch {
                if error == .permissionDenied || error == .notPermitted { scan.unreadableProcesses += 1 }
            }
        }
        return scan
    }

    /// Begins a walk on a thread of its own; the result comes with the returned value's ``Pending/result()``.
    static func begin() -> Pending {
        let pending = Pending()
        do throws(Errno) {
            try Thread.start(name: "inspect-owners") {
                let scan = run()
                pending.scan.change { $0 = scan }
            }
        } catch {
            // No thread to be had: then one after the other.
            let scan = run()
            pending.scan.change { $0 = scan }
        }
        return pending
    }

    final class Pending: Sendable {
        fileprivate let scan = Monitor<OwnerScan?>(nil)
        func result() -> OwnerScan { scan.wait { $0 } ?? OwnerScan() }
    }
}
