/// How many berths a service has for its workers.
package enum HarbourLayout: String, Sendable, Hashable {
    /// All workers share one berth.
    case shared
    /// A berth for each worker, in one SO_REUSEPORT group: the kernel spreads connections over the berths.
    case each
}

/// Which worker docks at which berths: a pure function of who is there, so that a worker's going and coming is nothing
/// but another assignment.
package enum Docking {
    /// Each berth has those workers whose slot is its own (slots wrap around); a berth that has none gets a neighbour.
    ///
    /// - Parameters:
    ///   - berths: how many there are.
    ///   - slots: the slot of each worker that may dock, by its number.
    /// - Returns: the berths of each worker, ascending.
    package static func assignment(berths: Int, slots: [Int: Int]) -> [Int: [Int]] {
        var result: [Int: [Int]] = slots.mapValues { [$0 % berths] }
        guard !slots.isEmpty else { return [:] }
        // By slot, and of one slot by age.
        let order = slots.keys.sorted { (slots[$0] ?? 0, $0) < (slots[$1] ?? 0, $1) }
        let served = Set(result.values.joined())
        for (turn, berth) in (0..<berths).filter({ !served.contains($0) }).enumerated() {
            result[order[(berth + turn) % order.count], default: []].append(berth)
        }
        return result.mapValues { $0.sorted() }
    }
}
