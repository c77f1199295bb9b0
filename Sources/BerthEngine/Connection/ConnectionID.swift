/// The number of a connection: unique within a server, counted from 1 in the order of acceptance.
public struct ConnectionID: Sendable, Hashable, Comparable, CustomStringConvertible {
    public let number: UInt64
    package init(number: UInt64) { self.number = number }
    public var description: String { "#\(number)" }
    public static func < (left: ConnectionID, right: ConnectionID) -> Bool { left.number < right.number }
}
