/// A number of bytes, with its unit in its name.
///
/// Used for every limit and size of Berth, so that no parameter is a bare `Int` whose unit one has to guess.
/// `ByteCount.unlimited` stands for "no bound" and is never a default.
public struct ByteCount: Sendable, Hashable, Comparable {
    /// The number of bytes.
    public let bytes: Int

    /// Creates a count of `bytes` bytes; a negative number is taken as zero.
    @inlinable public init(_ bytes: Int) { self.bytes = max(0, bytes) }

    /// No bound at all.
    public static let unlimited = ByteCount(.max)

    /// `count` bytes.
    public static func bytes(_ count: Int) -> ByteCount { ByteCount(count) }
    /// `count` × 1,024 bytes.
    public static func kibibytes(_ count: Int) -> ByteCount { scaled(count, by: 1 << 10) }
    /// `count` × 1,048,576 bytes.
    public static func mebibytes(_ count: Int) -> ByteCount { scaled(count, by: 1 << 20) }
    /// `count` × 1,073,741,824 bytes.
    public static func gibibytes(_ count: Int) -> ByteCount { scaled(count, by: 1 << 30) }

    private static func scaled(_ count: Int, by unit: Int) -> ByteCount {
        let (product, overflow) = count.multipliedReportingOverflow(by: unit)
        return overflow ? .unlimited : ByteCount(product)
    }

    @inlinable public static func < (left: ByteCount, right: ByteCount) -> Bool { left.bytes < right.bytes }
}
