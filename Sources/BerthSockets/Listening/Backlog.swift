internal import BerthSystem
internal import CBerth

/// How long the accept queue of a listener may get.
public struct Backlog: Sendable, Hashable {
    /// What was asked for; `nil` for as much as the kernel gives, or for a listener that someone else made.
    public let asked: Int?
    /// What the kernel made of it: at most net.core.somaxconn. The queue holds one connection more than this.
    public let effective: Int

    public init(asked: Int?, effective: Int) {
        self.asked = asked
        self.effective = effective
    }

    /// One sentence when the kernel gave less than was asked for.
    public var note: String? {
        guard let asked, effective < asked else { return nil }
        return "asked for a backlog of \(asked), the kernel gave \(effective) (net.core.somaxconn)"
    }

    /// The number that listen(2) takes. The kernel clamps it, so that the greatest number means "as much as you give".
    static func argument(asked: Int?) -> Int32 { asked.map { Int32(clamping: max(0, $0)) } ?? .max }

    /// Reads back what the kernel made of it. Unix sockets have no figure to read; the rule is the same for them.
    static func effective(of fd: Int32, asked: Int?) -> Int {
        if let info = try? AcceptQueue.read(fd) { return info.limit }
        let most = Kernel.systemSetting("net/core/somaxconn") ?? 4096
        return min(max(0, asked ?? most), most)
    }
}

extension AcceptQueue {
    /// The figures of a listener: TCP_INFO gives the length of the queue as tcpi_unacked, its limit as tcpi_sacked.
    static func read(_ fd: Int32) throws(Errno) -> AcceptQueue {
        let info = try Kernel.tcpInfo(fd)
        return AcceptQueue(waiting: Int(info.unacked), limit: Int(info.sacked))
    }
}
