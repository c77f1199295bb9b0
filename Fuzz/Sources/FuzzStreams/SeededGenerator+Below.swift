package import BerthTesting

extension SeededGenerator {
    /// A number in `0..<count`; the bias of the remainder does not matter here.
    package mutating func below(_ count: Int) -> Int { Int(next() % UInt64(count)) }
}
