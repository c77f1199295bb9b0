internal import BerthSockets
internal import BerthSystem

/// The other network namespaces of this machine: containers, as a rule.
enum OtherNetworks {
    /// How many are looked at.
    private static let most = 64

    /// Who waits at a port there.
    static func listeners(on port: UInt16, _ transport: SocketRecord.Transport) -> [PortReport.Elsewhere] {
        guard let own = NetworkFile.networkNumber("thread-self"), let names = try? Kernel.names(inDirectory: "/proc")
        else { return [] }
        var seen: Set<UInt64> = [own]
        var found: [PortReport.Elsewhere] = []
        let reader = ProcessReader()
        let users = UserNames.read()
        for pid in names.lazy.compactMap({ Int32($0) }).sorted() where seen.count <= most {
            guard let number = NetworkFile.networkNumber("\(pid)"), seen.insert(number).inserted else { continue }
            for record in NetworkFile.waiting(at: port, transport, inNetworkOf: pid) {
                let owners = ProcessTable.read(ownersOf: [record.inode]).value?.owners[record.inode] ?? []
                let holder = Inheritance.principal(owners)?.process
                guard let process = holder ?? reader.process(pid) else { continue }
                found.append(
                    .init(
                        local: record.local, userName: users[record.user], process: process,
                        isHolder: holder != nil))
            }
        }
        return found
    }
}
