package import BerthSockets
internal import BerthSystem

/// Where the control socket of a harbour is, unless someone says otherwise: a file named by the service's address, in a
/// directory of the user's own.
package enum ControlPath {
    /// `/run/berth` for root, `$XDG_RUNTIME_DIR/berth`, or `/tmp/berth-UID`.
    package static var directory: String {
        let user = Kernel.effectiveUser
        if user == 0 { return "/run/berth" }
        if let runtime = Kernel.environmentVariable("XDG_RUNTIME_DIR"), runtime.hasPrefix("/") {
            return "\(runtime)/berth"
        }
        return "/tmp/berth-\(user)"
    }

    /// The path for a service at `address`.
    package static func path(for address: SocketAddress) -> String { "\(directory)/\(name(of: address))" }

    private static func name(of address: SocketAddress) -> String {
        let text = address.description.map { $0 == "/" ? "_" : String($0) }.joined()
        return "\(text).sock"
    }

    /// Makes the directory, which must be the user's and nobody else's.
    ///
    /// - Returns: what is wrong with it; `nil` when it is fine.
    static func prepareDirectory() -> String? {
        do { try Kernel.makeDirectory(directory, mode: 0o700) } catch {
            if error != .fileExists { return "\(directory) cannot be made: \(error)" }
        }
        guard let status = try? Kernel.status(of: directory, followLinks: false), status.isDirectory else {
            return "\(directory) is not a directory"
        }
        if status.owner != Kernel.effectiveUser { return "\(directory) belongs to another user" }
        return status.isWritableByOthers ? "\(directory) can be written by others" : nil
    }

    /// Removes the files of harbours that were killed. Not those of the last minute: such a one may be bound, and about to
    /// listen.
    static func sweep() {
        guard let lock = SocketFile.lockDirectory(of: "\(directory)/x") else { return }
        let limit = Kernel.wallClock - 60_000_000_000
        for name in (try? Kernel.names(inDirectory: directory)) ?? [] where name.hasSuffix(".sock") {
            let path = "\(directory)/\(name)"
            guard let status = try? Kernel.status(of: path, followLinks: false), status.modified < limit else {
                continue
            }
            SocketFile.removeIfStale(path)
        }
        _ = consume lock
    }

    /// The control sockets that an operator may mean by an endpoint: that of the address, or those of its port.
    package static func candidates(for endpoint: Endpoint) -> [String] {
        if case .address(let address) = endpoint.target {
            let exact = path(for: address)
            if (try? Kernel.status(of: exact)) != nil { return [exact] }
        }
        guard let port = endpoint.port else { return [] }
        let names = (try? Kernel.names(inDirectory: directory)) ?? []
        return names.filter { $0.hasSuffix(":\(port).sock") }.sorted().map { "\(directory)/\($0)" }
    }
}
