internal import BerthSockets
internal import BerthSystem

/// The other network namespaces of this machine: containers, as a rule.
enum OtherNetworks {
    /// How many are looked at.
    private static let most = 64

    /// Who listens on a port there; for UDP, who is bound to it. Empty where nothing may be looked at.
    static func listeners(on port: UInt16, _ transport: SocketRecord.Transport) -> [PortReport.Elsewhere] {
        guard let own = try? NetworkNamespace.current(), let names = try? Kernel.names(inDirectory: "/proc") else {
            return []
        }
        var seen: Set<UInt64> = [own]
        var found: [PortReport.Elsewhere] = []
        let reader = ProcessReader()
        for pid in names.lazy.compactMap({ Int32($0) }).sorted() where seen.count <= most {
            guard let number = try? NetworkNamespace.number(of: "/proc/\(pid)/ns/net"), seen.insert(number).inserted
            else { continue }
            let records =
                try? SnapshotScope.process(pid).enter {
                    ((try? SocketTable.read(transport, localPort: port, withInfo: false))?.records ?? []).filter {
                        $0.state == .listen || (transport == .udp && $0.state == .closed)
                    }
                }
            for record in records ?? [] {
                let inode = record.inode ?? 0
                let owners = ProcessTable.read(ownersOf: [inode]).value?.owners[inode] ?? []
                guard let process = Inheritance.principal(owners)?.process ?? reader.process(pid) else { continue }
                found.append(.init(process: process, local: record.local))
            }
        }
        return found
    }
}
