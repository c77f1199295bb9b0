import Testing

@testable import BerthHarbour

@Suite("Who docks where")
struct DockingTests {
    @Test("every worker has the berth of its slot, and every berth somebody")
    func assignment() {
        let cases: [(berths: Int, slots: [Int: Int], expected: [Int: [Int]])] = [
            (1, [1: 0, 2: 1, 3: 2], [1: [0], 2: [0], 3: [0]]),
            (3, [1: 0, 2: 1, 3: 2], [1: [0], 2: [1], 3: [2]]),
            // One has gone: a neighbour has its berth.
            (3, [1: 0, 3: 2], [1: [0], 3: [1, 2]]),
            (4, [1: 0], [1: [0, 1, 2, 3]]),
            // More workers than berths.
            (2, [1: 0, 2: 1, 3: 2], [1: [0], 2: [1], 3: [0]]),
            // A successor beside the one that it replaces.
            (2, [1: 0, 2: 1, 9: 1], [1: [0], 2: [1], 9: [1]]),
            (2, [:], [:]),
        ]
        for (berths, slots, expected) in cases {
            #expect(Docking.assignment(berths: berths, slots: slots) == expected, "\(berths) \(slots)")
        }
    }

    @Test("no berth is ever without a worker while there is one")
    func allServed() {
        for berths in 1...9 {
            for present in 1..<512 {
                let slots = (0..<9).filter { present & 1 << $0 != 0 }
                let assignment = Docking.assignment(
                    berths: berths, slots: Dictionary(uniqueKeysWithValues: slots.map { ($0 + 100, $0) }))
                #expect(Set(assignment.values.joined()) == Set(0..<berths))
                #expect(assignment.count == slots.count && assignment.values.allSatisfy { !$0.isEmpty })
            }
        }
    }
}
