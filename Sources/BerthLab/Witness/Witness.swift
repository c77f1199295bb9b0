package import BerthSystem

/// Sees every TCP packet of the namespace that it was made in, and keeps it.
package final class Witness {
    /// A segment with the numbers as people read them.
    package struct Sighting: Sendable {
        package var time: Int64
        package var segment: TCPSegment
        package var sequence: UInt32
        package var acknowledgement: UInt32?

        /// Whether it only says what has arrived, and is neither the end of a handshake nor about another connection.
        var isPassingAcknowledgement: Bool {
            segment.isPureAcknowledgement && (sequence, acknowledgement ?? 0) != (1, 1)
                && (acknowledgement ?? 0) < 1 << 31
        }
    }

    private let tap: PacketTap
    private var buffer = [UInt8](repeating: 0, count: kept)
    private var numbers = RelativeNumbers()
    package private(set) var sightings: [Sighting] = []
    package private(set) var packets: [CapturedPacket] = []

    /// How many bytes of a packet are kept: all headers and the beginning of the payload.
    private static let kept = 400
    /// How many packets are kept; later ones are only counted.
    private static let limit = 20_000
    /// How many were not kept, because there were too many.
    package private(set) var omitted = 0

    package init() throws(Errno) { tap = try PacketTap(bufferSize: 64 << 20) }

    /// Takes what was captured since the last call; of a network that is never quiet, a part of it.
    package func collect() throws(Errno) {
        for _ in 0..<Self.limit {
            guard let packet = try tap.next(&buffer) else { break }
            // The loopback interface shows each packet as it leaves and as it arrives; a cable only once each way. The
            // outgoing copy is known by the addresses of its Ethernet header: those of the loopback interface are zero.
            if packet.isOutgoing, packet.bytes.prefix(12).allSatisfy({ $0 == 0 }) { continue }
            guard let segment = TCPSegment(frame: packet.bytes) else { continue }
            guard sightings.count < Self.limit else {
                omitted += 1
                continue
            }
            let (sequence, acknowledgement) = numbers.numbers(of: segment)
            sightings.append(
                Sighting(time: packet.time, segment: segment, sequence: sequence, acknowledgement: acknowledgement))
            packets.append(packet)
        }
        omitted += try tap.lost()
    }
}
