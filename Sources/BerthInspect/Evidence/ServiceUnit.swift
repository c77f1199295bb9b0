/// The service or the container that a process belongs to, as its control group tells.
public enum ServiceUnit: Sendable, Hashable {
    /// A unit of systemd, for example `web.service`.
    case systemd(String)
    /// A unit of a user's own systemd.
    case systemdUser(String)
    /// A container: the runtime's name for it where it tells one (`docker`, `podman`, `containerd`, `lxc`), and the id.
    case container(runtime: String, id: String)

    /// Takes `/proc/PID/cgroup` apart (`man 7 cgroups`); `nil` when no line names a service or a container.
    ///
    /// These paths are habits of systemd and of the container runtimes, not an interface: unknown ones say nothing.
    public init?(cgroup text: String) {
        for line in text.split(separator: "\n") {
            // "hierarchy:controllers:path"; the path may contain colons.
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3, let unit = Self.find(in: fields[2].split(separator: "/")) else { continue }
            self = unit
            return
        }
        return nil
    }

    private static func find(in path: [Substring]) -> ServiceUnit? {
        for (index, part) in path.enumerated().reversed() {
            if let container = container(part, below: index > 0 ? path[index - 1] : nil) { return container }
        }
        let isOfUser = path.contains { $0.hasPrefix("user@") && $0.hasSuffix(".service") }
        // The innermost unit that is a service; scopes are sessions and terminals, which nobody stops by name.
        guard let unit = path.last(where: { $0.hasSuffix(".service") || $0.hasSuffix(".socket") }) else { return nil }
        if unit.hasPrefix("user@") { return nil }
        return isOfUser ? .systemdUser(String(unit)) : .systemd(String(unit))
    }

    /// `docker-ID.scope`, `libpod-ID.scope`, `cri-containerd-ID.scope` (systemd), `docker/ID`, `lxc/NAME` (cgroupfs).
    private static func container(_ part: Substring, below parent: Substring?) -> ServiceUnit? {
        let runtimes = [
            "docker": "docker", "libpod": "podman", "cri-containerd": "containerd", "crio": "cri-o",
            "containerd": "containerd",
        ]
        if part.hasSuffix(".scope"), let dash = part.lastIndex(of: "-") {
            let id = part[part.index(after: dash)...].dropLast(".scope".count)
            if let runtime = runtimes[String(part[..<dash])], isID(id) {
                return .container(runtime: runtime, id: String(id.prefix(12)))
            }
        }
        guard let parent else { return nil }
        if parent == "docker", isID(part) { return .container(runtime: "docker", id: String(part.prefix(12))) }
        if parent == "lxc" || parent == "lxc.payload" { return .container(runtime: "lxc", id: String(part)) }
        return nil
    }

    private static func isID(_ text: Substring) -> Bool { text.count == 64 && text.allSatisfy(\.isHexDigit) }
}

extension ServiceUnit: CustomStringConvertible {
    public var description: String {
        switch self {
        case .systemd(let unit): "unit \(Printable(unit))"
        case .systemdUser(let unit): "user unit \(Printable(unit))"
        case .container(let runtime, let id): "\(runtime) container \(Printable(id))"
        }
    }
}
