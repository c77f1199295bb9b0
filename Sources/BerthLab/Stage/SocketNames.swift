package import BerthInspect
internal import BerthSockets

/// A socket as diagrams call it.
package struct SocketName: Sendable, Hashable, Comparable {
    package var text: String
    package var side: Trace.Side

    package static func < (left: SocketName, right: SocketName) -> Bool { left.text < right.text }
}

/// Finds the names of sockets by their addresses, in the lists of the kernel and in packets.
package struct SocketNames {
    struct Pair: Hashable {
        var local: SocketAddress
        var remote: SocketAddress?
    }

    private var connected: [Pair: SocketName] = [:]
    private var bound: [SocketAddress: SocketName] = [:]
    /// Listeners and servers by their port, for those that are bound to a wildcard.
    private var ports: [UInt16: SocketName] = [:]

    init(_ sockets: [LabSocket]) {
        for socket in sockets {
            guard let local = socket.local, let port = local.port else { continue }
            let name = SocketName(text: socket.name, side: socket.side)
            if let remote = socket.remote {
                connected[Pair(local: local, remote: remote)] = name
            } else {
                bound[local] = bound[local] ?? name
                if socket.side == .server { ports[port] = ports[port] ?? name }
            }
        }
    }

    /// The name of a socket that the kernel lists; `nil` for one that is not the experiment's.
    package func name(of record: SocketRecord) -> SocketName? {
        if let remote = record.remote {
            if let name = connected[Pair(local: record.local.unmapped, remote: remote.unmapped)] { return name }
            // Not accepted yet: told by its client.
            guard let client = connected[Pair(local: remote.unmapped, remote: record.local.unmapped)] else {
                return nil
            }
            return SocketName(text: "\(client.text)'s peer", side: client.side.other)
        }
        return bound[record.local.unmapped]
    }

    /// Whose the segment is: the client's side for one that goes to a port of a server.
    package func side(of segment: TCPSegment) -> Trace.Side {
        if let name = connected[Pair(local: segment.source, remote: segment.destination)] { return name.side }
        if let name = connected[Pair(local: segment.destination, remote: segment.source)] { return name.side.other }
        if let port = segment.source.port, ports[port] != nil { return .server }
        return .client
    }

    /// The name of the connection: that of its client, or of its server where that has no name.
    func connection(_ segment: TCPSegment) -> String? {
        let names = [
            connected[Pair(local: segment.source, remote: segment.destination)],
            connected[Pair(local: segment.destination, remote: segment.source)],
        ].compactMap(\.self)
        return (names.first { $0.side == .client } ?? names.first)?.text
    }

    /// All connections that sent something.
    func connections(_ sightings: [Witness.Sighting]) -> Set<String> {
        Set(sightings.compactMap { connection($0.segment) })
    }

    /// For example `[P.] seq 1:9 ack 1 "Welcome!"`.
    func label(_ sighting: Witness.Sighting, isCrowded: Bool) -> String {
        let segment = sighting.segment
        // A number from before the beginning is one of the last connection between the same ports.
        func shown(_ number: UInt32) -> String { number < 1 << 31 ? "\(number)" : "of the last one" }
        var text = isCrowded ? connection(segment).map { "\($0): " } ?? "" : ""
        text += "\(segment.flags) seq \(shown(sighting.sequence))"
        if segment.length > 0 { text += ":\(sighting.sequence &+ UInt32(truncatingIfNeeded: segment.length))" }
        if let acknowledgement = sighting.acknowledgement { text += " ack \(shown(acknowledgement))" }
        if segment.length > 0, segment.length <= 20, segment.payload.count == segment.length,
            segment.payload.allSatisfy({ $0 >= 0x20 && $0 < 0x7f })
        {
            text += " \"\(String(decoding: segment.payload, as: UTF8.self))\""
        }
        return text
    }
}
