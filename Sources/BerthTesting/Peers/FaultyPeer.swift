public import BerthFraming
public import BerthSockets
internal import BerthSystem

/// A client that treats a server as the network does on a bad day: one conduct each, for tests of services.
///
/// ```swift
/// let report = await FaultyPeer.dribbles(Array("hello\n".utf8)).visit(server.address)
/// #expect(report.ending == .serverFinished)
/// ```
///
/// A visit makes one connection, always ends, and never throws: what the peer saw is in its ``PeerReport``.
public enum FaultyPeer: Sendable, Hashable {
    /// Sends a byte at a time, each in a segment of its own, with a pause behind it; then finishes sending, and reads to the
    /// end. Default pause 1 ms.
    case dribbles([UInt8], every: Duration = .milliseconds(1))
    /// Sends the same again and again and reads nothing, through a receive buffer as small as the kernel allows; then waits
    /// for what the server does. Default 1,000 times.
    case neverReads([UInt8], times: Int = 1_000)
    /// Sends, finishes sending (FIN), and reads to the end: no fault, but what many servers take for a hang-up.
    case halfCloses([UInt8])
    /// Sends, and resets the connection at that moment.
    case resets([UInt8], at: Moment)
    /// Sends, and closes without a look at what comes: with nothing to send it connects and leaves.
    case leaves([UInt8] = [])
    /// Sends, and then neither sends nor leaves until the server ends the connection: with half a message it stops within
    /// it, with nothing it is silent from the start.
    case stops([UInt8] = [])
    /// Sends the same until so much is sent, as fast as the server takes it, and reads everything. Default 1 MiB.
    case floods([UInt8], upTo: ByteCount = .mebibytes(1))
    /// Sends bytes without a meaning, the same for the same seed; finishes sending, and reads to the end. Default 4 KiB.
    case babbles(seed: UInt64, ByteCount = .kibibytes(4))
    /// Announces a message of this length by a prefix of this form, then stops as ``stops(_:)`` does.
    case announces(UInt64, width: LengthPrefix.Width, endian: LengthPrefix.Endian = .big)

    /// When a peer resets the connection.
    public enum Moment: Sendable, Hashable, CaseIterable {
        /// As soon as it is connected, before it sends anything.
        case connected
        /// When the kernel has taken all that it sends.
        case sent
        /// When the first bytes of the answer are there.
        case answered
    }

    /// One of each conduct with this message, a reset at each moment: those that a service must survive.
    ///
    /// - Parameter message: what a well-behaved client would send; the peers that stop send half of it.
    public static func all(_ message: [UInt8]) -> [FaultyPeer] {
        [
            .dribbles(message), .neverReads(message), .halfCloses(message), .leaves(), .leaves(message), .stops(),
            .stops(Array(message.prefix((message.count + 1) / 2))), .floods(message), .babbles(seed: 1),
        ] + Moment.allCases.map { .resets(message, at: $0) } + hostileLengths(width: .eight)
    }

    /// Announcements of lengths that are meant to break arithmetic, or to make a server reserve memory: none, less than a
    /// prefix that counts itself, the bounds of signed numbers, the greatest.
    public static func hostileLengths(width: LengthPrefix.Width, endian: LengthPrefix.Endian = .big) -> [FaultyPeer] {
        let greatest = width == .eight ? UInt64.max : UInt64(1) << UInt64(8 * width.rawValue) - 1
        let lengths: [UInt64] = [0, 1, greatest / 2, greatest / 2 + 1, greatest - UInt64(width.rawValue) + 1, greatest]
        return lengths.map { .announces($0, width: width, endian: endian) }
    }

    /// Visits a server once, on a thread of its own.
    ///
    /// - Parameters:
    ///   - address: where the server listens.
    ///   - patience: when the peer gives up and closes, counted from the beginning. Default 10 s; the visit ends a moment
    ///     after that at the latest.
    public func visit(_ address: SocketAddress, within patience: Duration = .seconds(10)) async -> PeerReport {
        await withCheckedContinuation { continuation in
            do throws(Errno) {
                try Thread.start(name: "faulty-peer") {
                    continuation.resume(returning: visitBlocking(address, within: patience))
                }
            } catch { continuation.resume(returning: PeerReport(ending: .neverConnected("\(error)"))) }
        }
    }

    /// The same on the calling thread, which waits.
    public func visitBlocking(_ address: SocketAddress, within patience: Duration = .seconds(10)) -> PeerReport {
        var visit = PeerVisit(patience: patience)
        return visit.run(self, to: address)
    }
}
