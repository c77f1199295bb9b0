internal import BerthSockets
internal import BerthSystem

/// The reason why the name of a Unix socket is in use.
struct UnixBindExplanation: Sendable {
    let address: SocketAddress
    /// The sockets with that name, and who holds each; listeners first.
    let holders: Reading<[Holder]>
    let words: BindExplanation

    struct Holder: Sendable {
        var record: UnixSocketTable.Record
        var owners: Reading<[SocketOwner]>
    }

    static func read(for address: SocketAddress) -> Reading<[Holder]> {
        UnixSocketTable.read().flatMap { table in
            let records = table.records(at: address)
            let processes = ProcessTable.read(ownersOf: Set(records.map(\.inode)))
            return .known(
                records.map { record in
                    // The user is not in the list, and not needed: the owner says it.
                    let socket = SocketRecord(local: address, state: .listen, inode: record.inode)
                    return Holder(record: record, owners: processes.flatMap { $0.owners(of: socket) })
                })
        }
    }

    func finding() -> Finding {
        guard case .known(let holders) = holders else {
            return words.nothingVisible()
        }
        guard let holder = holders.first else { return nobody() }
        let owner = holder.owners.value.flatMap { Inheritance.principal($0) }
        let who = owner.map { words.name($0.process, withStart: false) } ?? "a process that cannot be seen"
        let start = owner.flatMap { words.since($0.process) }.map { " since \($0.time) (\($0.age) ago)" } ?? ""
        let verb = holder.record.listens ? "listens on" : "is bound to"
        var finding = Finding(
            code: .portInUse, headline: "\(address) is already in use: \(who) \(verb) it\(start)",
            evidence: [
                .init(
                    "inode \(holder.record.inode), \(holder.record.listens ? "listening" : "bound")",
                    source: "/proc/net/unix")
            ],
            meaning: "a Unix socket has its name for itself; SO_REUSEADDR means nothing to it.",
            fixes: [
                owner.map { words.endIt($0.process) } ?? "see who it is as root: sudo ss -xlp",
                "or bind another name",
            ], verification: "ss -Hxlp 'src = \(Printable("\(address)"))' (prints nothing once the name is free)",
            summary: "\(who) \(verb) it\(start)")
        if case .unknown(let gap) = holder.owners { finding.gaps.append("which process it is: \(gap)") }
        return finding
    }

    /// No socket has the name: then it is the file that is in the way.
    private func nobody() -> Finding {
        guard case .unix(let path) = address else { return words.nothingVisible() }
        let file = Printable(commandLine: [path])
        return Finding(
            code: .leftoverSocketFile, confidence: .likely,
            headline: "\(address) exists already, and no socket of this network namespace has that name",
            evidence: [
                .init("bind: \(Errno.addressInUse)", source: "the bind that failed"),
                .init("no socket with this name", source: "/proc/net/unix"),
            ],
            meaning: "the file of a Unix socket stays when its server ends without removing it, and blocks the next "
                + "bind.",
            fixes: ["look at what it is, and remove it: ls -l \(file) && rm \(file)"],
            verification: "ls \(file)",
            disproof: "a server in another network namespace or under another path of the same file uses it",
            summary: "the file is left over: no socket has that name")
    }
}
