package import BerthSystem

/// Whose network is looked at.
package enum SnapshotScope: Sendable, Hashable {
    /// That of the calling thread.
    case own
    /// That of a process: a container's, for example.
    case process(Int32)
    /// One by its file: a path, or a name below `/run/netns`.
    case named(String)

    /// The file that stands for it; `nil` for the own.
    package var path: String? {
        switch self {
        case .own: nil
        case .process(let pid): "/proc/\(pid)/ns/net"
        case .named(let name): name.contains("/") ? name : "/run/netns/\(name)"
        }
    }

    /// Runs `body` in that network, on a thread of its own where it is another one.
    ///
    /// - Throws: why it cannot be entered.
    package func enter<R: Sendable>(_ body: @escaping @Sendable () -> R) throws(Errno) -> R {
        guard let path else { return body() }
        let result = Monitor<Result<R, Errno>?>(nil)
        try Thread.start(name: "inspect-netns") {
            let outcome = Result { () throws(Errno) in
                try NetworkNamespace.enter(path)
                return body()
            }
            result.change { $0 = outcome }
        }
        // Never ends without a result: the thread above always sets one.
        guard let outcome = result.wait({ $0 }) else { throw .cancelled }
        return try outcome.get()
    }

    /// Why a network cannot be looked at, as one sentence.
    package func refusal(_ errno: Errno) -> String {
        switch (self, errno) {
        case (.process(let pid), .noSuchFile), (.process(let pid), .noSuchProcess): "there is no process \(pid)"
        case (.process(let pid), .permissionDenied), (.process(let pid), .notPermitted):
            "the network of process \(pid) can be looked at by root only"
        case (.named(let name), .notPermitted), (.named(let name), .permissionDenied):
            "the network \(Printable(name)) can be looked at by root only"
        case (.named(let name), .noSuchFile): "there is no network \(Printable(name)): ip netns list shows them"
        case (.named(let name), .invalidArgument): "\(Printable(name)) is not a network namespace"
        default: "the network cannot be looked at: \(errno)"
        }
    }
}
