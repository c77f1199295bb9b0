package import BerthSockets
internal import BerthSystem

/// Tells whoever has started a service that it takes connections now, and where, for those who are no service manager.
package struct ReadyAnnouncement: Sendable, Hashable {
    /// A file that gets the port, or the address where there is none, and a line break.
    package var portFile: String?
    /// A descriptor that gets a line break and is closed, as s6 does it (`man 7 s6-notifywhenup`).
    package var descriptor: Int32?

    package init(portFile: String? = nil, descriptor: Int32? = nil) {
        self.portFile = portFile
        self.descriptor = descriptor
    }

    /// Announces it, once.
    ///
    /// - Returns: a sentence for each way that failed.
    package func announce(_ address: SocketAddress) -> [String] {
        var problems: [String] = []
        if let portFile {
            do throws(Errno) {
                try write("\(address.port.map { "\($0)" } ?? address.description)\n", to: portFile)
            } catch {
                problems.append("the port file \(portFile) cannot be written: \(error)")
            }
        }
        if let descriptor {
            do throws(Errno) {
                try Self.write("\n", descriptor)
                try Kernel.close(descriptor)
            } catch { problems.append("descriptor \(descriptor) cannot be told that the service is ready: \(error)") }
        }
        return problems
    }

    /// Says that the service is not ready any more: the file goes.
    package func withdraw() {
        if let portFile { try? Kernel.unlink(portFile) }
    }

    /// By another name first, so that nobody reads half of it.
    private func write(_ text: String, to path: String) throws(Errno) {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        let name = String(parts.last ?? "")
        let folder = parts.count == 1 ? "." : parts.dropLast().joined(separator: "/")
        let directory = try Kernel.open(folder.isEmpty ? "/" : folder, [.directory])
        let temporary = ".\(name).\(Kernel.processID)"
        let file = try Kernel.open(temporary, in: directory.rawValue, [.write, .create, .truncate])
        try Self.write(text, file.rawValue)
        try Kernel.rename(temporary, to: name, in: directory.rawValue)
    }

    private static func write(_ text: String, _ descriptor: Int32) throws(Errno) {
        let bytes = Array(text.utf8)
        let result = bytes.withUnsafeBytes { bytes in
            Result { () throws(Errno) in try unsafe Kernel.writeAll(descriptor, bytes) }
        }
        try result.get()
    }
}
