internal import BerthInspect
internal import BerthSystem

extension Counters {
    /// Those of the calling thread's namespace, now.
    static func current() throws -> Counters {
        var counters = Counters()
        for name in ["netstat", "snmp"] {
            let path = "/proc/thread-self/net/\(name)"
            do { counters.add(table: String(decoding: try Kernel.contents(of: path), as: UTF8.self)) } catch {
                throw StepFailure(step: "reading \(path)", errno: error)
            }
        }
        return counters
    }

    /// What moved of the counters that tell of something unusual. Those of every segment and byte are left out.
    func moved(since earlier: Counters) -> [(name: String, moved: Int)] {
        values.compactMap { name, value in
            guard name.hasPrefix("TcpExt.") || name.hasPrefix("Tcp."), !Self.usual.contains(name),
                let before = earlier[name], value > before
            else { return nil }
            return (name, value - before)
        }.sorted { $0.name < $1.name }
    }

    private static let usual: Set<String> = [
        "Tcp.InSegs", "Tcp.OutSegs", "Tcp.CurrEstab", "Tcp.RtoAlgorithm", "Tcp.RtoMin", "Tcp.RtoMax", "Tcp.MaxConn",
        "Tcp.ActiveOpens", "Tcp.PassiveOpens", "TcpExt.TCPOrigDataSent", "TcpExt.TCPDelivered", "TcpExt.TCPPureAcks",
        "TcpExt.TCPHPHits", "TcpExt.TCPHPAcks", "TcpExt.TCPAutoCorking", "TcpExt.TCPRcvCoalesce",
        "TcpExt.TCPHystartDelayCwnd", "TcpExt.TCPHystartDelayDetect", "TcpExt.TCPHystartTrainCwnd",
        "TcpExt.TCPHystartTrainDetect", "TcpExt.TW",
    ]
}
