internal import BerthSockets
internal import Synchronization

// What is counted, by name: two versions of a program that run side by side need not know the same names.
extension Board {
    /// The number of the counter with this name, which is made where there is none; `nil` when there is no room for it.
    ///
    /// - Parameter name: at most 24 bytes.
    package func counter(_ name: String) -> Int? {
        let bytes = Array(name.utf8.prefix(24))
        // FNV-1a: any two of a few dozen names differ in it.
        let key = bytes.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 } | 1
        for index in 0..<Layout.namesCount {
            let start = Layout.names + index * Layout.wordsOfName
            let found = unsafe word(start).pointee.compareExchange(
                expected: 0, desired: key, ordering: .sequentiallyConsistent)
            if found.exchanged {
                for part in 0..<3 {
                    let piece = bytes.dropFirst(8 * part).prefix(8)
                    self[start + 1 + part] = piece.reversed().reduce(0) { $0 << 8 | UInt64($1) }
                }
                return index
            }
            if found.original == key { return index }
        }
        return nil
    }

    /// The names of the counters there are. One that is just being made may be missing.
    private var names: [(index: Int, name: String)] {
        (0..<Layout.namesCount).compactMap { index in
            let start = Layout.names + index * Layout.wordsOfName
            if self[start] == 0 { return nil }
            let bytes = (0..<24).map { UInt8(truncatingIfNeeded: self[start + 1 + $0 / 8] >> UInt64(8 * ($0 % 8))) }
            let name = String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            return name.isEmpty ? nil : (index, name)
        }
    }

    /// What the process at a place has counted.
    package func counts(of place: Int) -> WorkerCounts {
        var counts = WorkerCounts()
        let begin = start(of: place)
        for (index, name) in names {
            let count = Int(self[begin + Layout.counters + index])
            if count == 0 { continue }
            if let reason = CounterName.refusal(name) {
                counts.refusals[reason] = count
                counts.refused += count
            } else if let outcome = CounterName.outcome(name) {
                counts.outcomes[outcome] = count
            }
        }
        counts.bytes = bytes(of: place)
        counts.active = Int(self[begin + Layout.active])
        counts.accepted = Int(self[begin + Layout.accepted])
        return counts
    }
}

extension Board {
    /// What went over the ended connections of the process at a place.
    func bytes(of place: Int) -> ByteAccount {
        let begin = start(of: place)
        return ByteAccount(
            received: Int(self[begin + Layout.received]), sent: Int(self[begin + Layout.sent]),
            discarded: Int(self[begin + Layout.discarded]), unacknowledged: Int(self[begin + Layout.unacknowledged]),
            unsent: Int(self[begin + Layout.unsent]))
    }
}

/// How counters are named on a board.
package enum CounterName {
    package static func of(outcome: String) -> String { "o:" + outcome }
    package static func of(refusal: String) -> String { "r:" + refusal }
    static func outcome(_ name: String) -> String? { name.hasPrefix("o:") ? String(name.dropFirst(2)) : nil }
    static func refusal(_ name: String) -> String? { name.hasPrefix("r:") ? String(name.dropFirst(2)) : nil }
    /// The outcome of connections whose process has ended before they did.
    package static let lost = "lost with its worker"
}
