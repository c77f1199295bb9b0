package import BerthSockets
internal import BerthSystem

/// What the environment says about listening descriptors that were handed to this process: systemd's convention, which
/// Berth's own workers are started by as well.
///
/// Source: `man 3 sd_listen_fds`. The descriptors are 3, 4, ….
package struct ListenEnvironment: Sendable, Hashable {
    /// The first descriptor that is handed over.
    package static let firstDescriptor: Int32 = 3

    /// How many descriptors there are, at least one.
    package let count: Int
    /// The name of each; `nil` where none was given.
    package let names: [String]?

    /// Reads the variables LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES.
    ///
    /// - Returns: `nil` when nothing was handed over, or to another process: a child inherits the variables, and not the
    ///   descriptors.
    /// - Throws: operation `.listen`, when the variables contradict themselves.
    package init?(processID: Int32, variable: (String) -> String?) throws(SocketError) {
        guard let pid = variable("LISTEN_PID"), let number = variable("LISTEN_FDS") else { return nil }
        guard let owner = Int32(pid), owner > 0 else {
            throw Self.mistake("LISTEN_PID is \"\(pid)\", not a process id")
        }
        guard owner == processID else { return nil }
        guard let count = Int(number), count >= 0, count <= 1024 else {
            throw Self.mistake("LISTEN_FDS is \"\(number)\", not a number of descriptors")
        }
        if count == 0 { return nil }
        self.count = count
        names = variable("LISTEN_FDNAMES").map {
            $0.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        }
        if let names, names.count != count {
            throw Self.mistake("LISTEN_FDNAMES has \(names.count) names for \(count) descriptors")
        }
    }

    /// The environment of this process.
    package static func current() throws(SocketError) -> ListenEnvironment? {
        try ListenEnvironment(processID: Kernel.processID) { Kernel.environmentVariable($0) }
    }

    /// The descriptors.
    package var descriptors: Range<Int32> { Self.firstDescriptor..<Self.firstDescriptor + Int32(count) }

    /// What is wrong with a descriptor that was handed over.
    package static func mistake(_ descriptor: Int32, _ error: SocketError) -> SocketError {
        mistake("descriptor \(descriptor) is no listening stream socket" + (error.errno.map { " (\($0.name))" } ?? ""))
    }

    /// What is wrong with what was handed over.
    package static func mistake(_ detail: String) -> SocketError {
        SocketError(
            .listen, address: "the sockets that were handed over", detail: detail, hint: "see man 3 sd_listen_fds")
    }
}
