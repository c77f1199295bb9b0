package import BerthSockets
internal import Synchronization

// Who may connect: lists that all processes read. A sequence number that is odd while they are changed says whether what was
// read is whole.
extension Board {
    /// How many blocks there may be in both lists together.
    package static var mostNetworks: Int { Layout.mostRules }

    /// Changes with each change of the lists.
    package var accessVersion: UInt64 {
        unsafe word(Layout.rulesSequence).pointee.load(ordering: .acquiring)
    }

    /// The lists, and the version that they are of.
    package func readAccess() -> (list: AccessList, version: UInt64) {
        while true {
            let version = self[Layout.rulesSequence]
            var list = AccessList()
            for index in 0..<min(Int(self[Layout.rulesCount]), Layout.mostRules) {
                let start = Layout.rules + index * Layout.wordsOfRule
                let kind = self[start + 2]
                let network = Network(
                    high: self[start], low: self[start + 1], bits: min(Int(kind & 0xFF), 128), isIPv4: kind & 0x100 != 0
                )
                if kind & 0x200 != 0 { list.deny.append(network) } else { list.allow.append(network) }
            }
            if version & 1 == 0, version == self[Layout.rulesSequence] { return (list, version) }
        }
    }

    /// Puts other lists in place of the present ones. By one process, one thread at a time.
    ///
    /// - Returns: false when there are too many blocks; then nothing has changed.
    package func setAccess(_ list: AccessList) -> Bool {
        let all = list.allow.map { ($0, false) } + list.deny.map { ($0, true) }
        guard all.count <= Layout.mostRules else { return false }
        self[Layout.rulesSequence] += 1
        self[Layout.rulesCount] = UInt64(all.count)
        for (index, (network, denies)) in all.enumerated() {
            let start = Layout.rules + index * Layout.wordsOfRule
            let parts = network.parts
            self[start] = parts.high
            self[start + 1] = parts.low
            self[start + 2] = UInt64(parts.bits) | (parts.isIPv4 ? 0x100 : 0) | (denies ? 0x200 : 0)
        }
        self[Layout.rulesSequence] += 1
        return true
    }
}
