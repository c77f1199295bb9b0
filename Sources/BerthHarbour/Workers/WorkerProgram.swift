package import BerthSockets
internal import BerthSystem

/// What a worker is started as.
package struct WorkerProgram: Sendable, Hashable {
    /// How a program without a link shows that it is ready.
    package enum Readiness: Sendable, Hashable {
        /// By its link.
        case link
        /// By still being there after so long.
        case alive(Duration)
        /// By `READY=1` to NOTIFY_SOCKET (`man 3 sd_notify`).
        case notify
        /// By a line break to the descriptor that READY_FD names.
        case line
    }

    /// A path, or a name that is looked up in PATH.
    package var path: String
    /// The whole argument vector.
    package var arguments: [String]
    package var readiness: Readiness

    package init(path: String, arguments: [String], readiness: Readiness) {
        self.path = path
        self.arguments = arguments
        self.readiness = readiness
    }

    /// This program once more, with the same arguments, as it lies on disk now: so that a reload starts what was
    /// installed meanwhile.
    package static func own(arguments: [String]) throws(SocketError) -> WorkerProgram {
        do {
            let path = try Kernel.linkTarget("/proc/self/exe")
            // What the kernel calls a file that was replaced (`man 5 proc_pid_exe`).
            let suffix = " (deleted)"
            let clean = path.hasSuffix(suffix) ? String(path.dropLast(suffix.count)) : path
            return WorkerProgram(path: clean, arguments: arguments, readiness: .link)
        } catch {
            throw SocketError(
                .open, address: "workers", errno: error, detail: "the program cannot be found through /proc/self/exe")
        }
    }

    var hasLink: Bool { readiness == .link }
}
