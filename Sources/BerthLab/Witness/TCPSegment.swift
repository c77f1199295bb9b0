package import BerthSockets

/// The flags of a TCP header.
package struct TCPFlags: OptionSet, Sendable, Hashable, CustomStringConvertible {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }
    package static let fin = TCPFlags(rawValue: 0x01)
    package static let syn = TCPFlags(rawValue: 0x02)
    package static let rst = TCPFlags(rawValue: 0x04)
    package static let push = TCPFlags(rawValue: 0x08)
    package static let ack = TCPFlags(rawValue: 0x10)
    package static let urgent = TCPFlags(rawValue: 0x20)

    /// As tcpdump writes them, for example `[S.]` for SYN with ACK.
    package var description: String {
        var text = ""
        if contains(.syn) { text += "S" }
        if contains(.fin) { text += "F" }
        if contains(.rst) { text += "R" }
        if contains(.push) { text += "P" }
        if contains(.urgent) { text += "U" }
        if contains(.ack) { text += "." }
        return "[\(text)]"
    }
}

/// An option of a TCP header.
package enum TCPOption: Sendable, Hashable, CustomStringConvertible {
    case maximumSegment(Int)
    case windowScale(Int)
    case selectiveAcksAllowed
    case selectiveAcks(Int)
    case timestamps(value: UInt32, echo: UInt32)
    case other(kind: UInt8)

    package var description: String {
        switch self {
        case .maximumSegment(let size): "mss \(size)"
        case .windowScale(let shift): "wscale \(shift)"
        case .selectiveAcksAllowed: "sackOK"
        case .selectiveAcks(let count): "sack \(count)"
        case .timestamps: "ts"
        case .other(let kind): "option \(kind)"
        }
    }
}

/// A TCP segment that was captured, with its numbers as they stood in the header.
package struct TCPSegment: Sendable, Hashable {
    package var source: SocketAddress
    package var destination: SocketAddress
    package var flags: TCPFlags
    package var sequence: UInt32
    package var acknowledgement: UInt32
    package var window: UInt16
    package var options: [TCPOption]
    /// How much it carries.
    package var length: Int
    /// What it carries, as far as it was captured.
    package var payload: [UInt8]

    /// Whether it only says what has arrived.
    package var isPureAcknowledgement: Bool { flags == .ack && length == 0 }

    /// The segment as it would be sent once more: without what changes from one time to the next. A SYN is a try of its
    /// own each time, and keeps what makes it one.
    var withoutPassing: TCPSegment {
        guard flags != .syn else { return self }
        var segment = self
        segment.options = []
        segment.window = 0
        segment.acknowledgement = 0
        return segment
    }
}
