internal import BerthFraming
internal import BerthSockets
internal import BerthSystem

/// One connection of a ``FaultyPeer``: everything it does is bounded by one deadline.
struct PeerVisit: ~Copyable {
    /// Why the rest of the conduct is not gone through.
    private struct Stop: Error { let ending: PeerReport.Ending }

    private let begin = MonotonicTime.now
    private let deadline: Deadline
    private let patience: Duration
    private var report = PeerReport(ending: .patienceEnded)
    private var received = ByteQueue()

    init(patience: Duration) {
        self.patience = patience
        deadline = Deadline(time: begin.advanced(by: patience))
    }

    mutating func run(_ conduct: FaultyPeer, to address: SocketAddress) -> PeerReport {
        do throws(SocketError) {
            var options = SocketOptions.default
            if case .neverReads = conduct { options.receiveBuffer = .bytes(1) }
            let socket = try TCPSocket.connect(to: address, within: patience, options: options)
            report.ending = act(conduct, socket)
        } catch { report.ending = .neverConnected("\(error)") }
        report.duration = MonotonicTime.now.duration(since: begin)
        return report
    }

    private mutating func act(_ conduct: FaultyPeer, _ socket: consuming TCPSocket) -> PeerReport.Ending {
        do throws(Stop) {
            switch conduct {
            case .dribbles(let bytes, let pause):
                for index in bytes.indices {
                    try send(bytes[index...index], on: socket)
                    try wait(for: [], on: socket, until: deadline.earlier(of: .after(pause)))
                }
                try finish(socket)
            case .halfCloses(let bytes):
                try send(bytes[...], on: socket)
                try finish(socket)
            case .babbles(let seed, let count):
                var random = SeededGenerator(seed: seed)
                try send((0..<count.bytes).map { _ in UInt8.random(in: 0...255, using: &random) }[...], on: socket)
                try finish(socket)
            case .floods(let bytes, let count):
                while !bytes.isEmpty, report.sent < count.bytes { try send(bytes[...], on: socket) }
                try finish(socket)
            case .neverReads(let bytes, let times):
                for _ in 0..<times { try send(bytes[...], on: socket, reads: false) }
                try waitForEnd(of: socket, reads: false)
            case .stops(let bytes):
                try send(bytes[...], on: socket)
                try waitForEnd(of: socket)
            case .announces(let length, let width, let endian):
                try send(Self.prefix(length, width, endian)[...], on: socket)
                try waitForEnd(of: socket)
            case .leaves(let bytes):
                try send(bytes[...], on: socket, reads: false)
            case .resets(let bytes, let moment):
                if moment != .connected { try send(bytes[...], on: socket, reads: false) }
                if moment == .answered {
                    while report.received == 0 { try wait(for: .readable, on: socket, until: deadline) }
                }
                socket.abort()
            }
            return .left
        } catch { return error.ending }
    }

    private static func prefix(_ length: UInt64, _ width: LengthPrefix.Width, _ endian: LengthPrefix.Endian) -> [UInt8]
    {
        let bytes = (0..<width.rawValue).map { UInt8(truncatingIfNeeded: length >> UInt64(8 * $0)) }
        return endian == .big ? bytes.reversed() : bytes
    }

    // MARK: What peers do

    /// Sends all of `bytes`, and reads what comes meanwhile, so that nobody waits for the other for ever.
    private mutating func send(
        _ bytes: ArraySlice<UInt8>, on socket: borrowing TCPSocket, reads: Bool = true
    ) throws(Stop) {
        var rest = bytes
        while !rest.isEmpty {
            if deadline.hasPassed { throw Stop(ending: .patienceEnded) }
            let count: Int?
            do throws(SocketError) { count = try socket.trySend(rest.span.bytes) } catch {
                // What had arrived before the reset is gone with it, on Linux.
                throw Stop(ending: .serverReset)
            }
            if let count {
                report.sent += count
                rest = rest.dropFirst(count)
            } else {
                try wait(for: reads ? [.writable, .readable] : .writable, on: socket, until: deadline)
            }
        }
        if reads { try receive(from: socket) }
    }

    /// Finishes sending, and reads to the end.
    private mutating func finish(_ socket: borrowing TCPSocket) throws(Stop) {
        do throws(SocketError) { try socket.shutdown(.writing) } catch { throw Stop(ending: .serverReset) }
        try waitForEnd(of: socket)
    }

    /// Waits for the end that the server makes.
    private mutating func waitForEnd(of socket: borrowing TCPSocket, reads: Bool = true) throws(Stop) {
        while true { try wait(for: reads ? .readable : .peerFinished, on: socket, until: deadline) }
    }

    /// Waits until the socket is ready, receives if that was waited for, and finds out whether the server has ended.
    private mutating func wait(
        for wanted: Readiness, on socket: borrowing TCPSocket, until end: Deadline
    ) throws(Stop) {
        let found = (try? Kernel.wait(for: wanted, on: socket.fileDescriptor, until: end)) ?? .error
        if deadline.hasPassed { throw Stop(ending: .patienceEnded) }
        if wanted.contains(.readable), found.contains(.readable) { try receive(from: socket) }
        if found.contains(.error) || found.contains(.hangUp) { throw Stop(ending: .serverReset) }
        if wanted.contains(.peerFinished), found.contains(.peerFinished) { throw Stop(ending: .serverFinished) }
    }

    /// Reads what is there.
    private mutating func receive(from socket: borrowing TCPSocket) throws(Stop) {
        while !deadline.hasPassed {
            let count: Int?
            do throws(SocketError) { count = try socket.tryReceive(into: &received, upTo: 65_536) } catch {
                throw Stop(ending: .serverReset)
            }
            guard let count else { return }
            if count == 0 { throw Stop(ending: .serverFinished) }
            report.received += count
            let room = PeerReport.longestReply - report.reply.count
            if room > 0 { report.reply += Array(copying: received.bytes.extracting(first: room)) }
            received.removeAll()
        }
    }
}
