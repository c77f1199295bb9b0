internal import BerthSockets

/// Counts sequence numbers from the beginning of each direction, as tcpdump and Wireshark show them.
package struct RelativeNumbers: Sendable {
    /// One direction of a connection.
    private struct Direction: Hashable {
        var source: SocketAddress
        var destination: SocketAddress
    }

    private var first: [Direction: UInt32] = [:]

    package init() {}

    /// The numbers of a segment, which are taken in the order of their capture.
    package mutating func numbers(of segment: TCPSegment) -> (sequence: UInt32, acknowledgement: UInt32?) {
        let direction = Direction(source: segment.source, destination: segment.destination)
        let opposite = Direction(source: segment.destination, destination: segment.source)
        if segment.flags.contains(.syn) {
            if first[direction] != segment.sequence {
                // A new connection between the same addresses begins its numbers anew on both sides.
                if !segment.flags.contains(.ack), first[direction] != nil { first[opposite] = nil }
                first[direction] = segment.sequence
            }
        } else if first[direction] == nil {
            // Whoever has sent no SYN is taken to have sent one before.
            first[direction] = segment.sequence &- 1
        }
        let sequence = segment.sequence &- (first[direction] ?? segment.sequence)
        guard segment.flags.contains(.ack) else { return (sequence, nil) }
        if first[opposite] == nil { first[opposite] = segment.acknowledgement &- 1 }
        return (sequence, segment.acknowledgement &- (first[opposite] ?? segment.acknowledgement))
    }
}
