package import BerthSystem
internal import Synchronization

/// The file of a listening Unix socket, which outlives the socket unless someone removes it.
///
/// Shared by a listener and its duplicates; removed when the last of them ends, unless it was given away.
package final class SocketFile: Sendable {
    let path: String
    private let inode: UInt64
    private let device: UInt64
    private let isOurs = Atomic<Bool>(true)

    /// Remembers the file that bind(2) just made.
    init?(path: String) {
        guard let status = try? Kernel.status(of: path, followLinks: false) else { return nil }
        self.path = path
        inode = status.inode
        device = status.device
    }

    deinit { remove() }

    /// Whether it removes the file in the end.
    var isOwner: Bool { isOurs.load(ordering: .relaxed) }

    /// Leaves the file where it is.
    func giveUp() { isOurs.store(false, ordering: .relaxed) }

    /// Removes it in the end after all.
    func takeOver() { isOurs.store(true, ordering: .relaxed) }

    /// Removes the file, if it is still the one that was made here and not that of a successor.
    func remove() {
        guard isOurs.exchange(false, ordering: .relaxed),
            let status = try? Kernel.status(of: path, followLinks: false),
            status.inode == inode, status.device == device
        else { return }
        // If it cannot be removed, the next server replaces it.
        try? Kernel.unlink(path)
    }

    // MARK: Making room for a new one

    /// Removes a socket file that nobody listens on; does nothing when there is none, when it is no socket, or when a
    /// server answers.
    package static func removeIfStale(_ path: String) {
        guard let before = try? Kernel.status(of: path, followLinks: false), before.isSocket else { return }
        guard isRefused(path), let after = try? Kernel.status(of: path, followLinks: false), after == before else {
            return
        }
        try? Kernel.unlink(path)
    }

    /// Whether the file is the remains of a server: connecting to it is refused. A full accept queue is not a refusal.
    private static func isRefused(_ path: String) -> Bool {
        do {
            let probe = try Kernel.openStreamSocket(family: SocketAddress.unnamed.family, nonBlocking: true)
            try Kernel.connect(probe.rawValue, to: try SocketAddress.unix(path: path).raw)
            return false
        } catch {
            return error == .connectionRefused
        }
    }

    /// Keeps other listeners of Berth away from the directory of `path` while one is made, so that a socket that is
    /// bound and does not listen yet is not taken for a stale one. Waits at most a second for someone else; a
    /// directory that cannot be locked is used without.
    package static func lockDirectory(of path: String) -> Descriptor? {
        let end = path.lastIndex(of: "/")
        let directory = end.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        guard let descriptor = try? Kernel.open(directory, [.directory]) else { return nil }
        for _ in 0..<100 {
            do {
                try Kernel.lock(descriptor.rawValue)
                return descriptor
            } catch .wouldBlock {
                var nothing: [PollEntry] = []
                _ = try? Kernel.poll(&nothing, until: .after(.milliseconds(10)))
            } catch {
                return nil
            }
        }
        return nil
    }
}
