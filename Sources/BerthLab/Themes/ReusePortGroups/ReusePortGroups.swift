internal import BerthSystem

/// Reuse-port: balance and replacement.
enum ReusePortGroups {
    static let all = balance + replacement
}

extension Stage {
    /// Listeners that share one address by SO_REUSEPORT.
    func group(_ count: Int, backlog: Int32 = 512) throws -> [LabSocket] {
        try (1...count).map { try listener("listener \($0)", [.reuseAddress, .reusePort], backlog: backlog) }
    }

    /// How many wait at each.
    func waiting(_ listeners: [LabSocket]) throws -> [Int] { try listeners.map { try queue($0).waiting } }

    /// How many of these clients were reset, which is looked for without waiting: an RST is there at once.
    func resets(_ clients: [LabSocket]) throws -> Int {
        try settle()
        var count = 0
        for client in clients {
            do { _ = try client.receive(1, flags: .doNotWait) } catch { if error == .connectionReset { count += 1 } }
        }
        return count
    }
}
