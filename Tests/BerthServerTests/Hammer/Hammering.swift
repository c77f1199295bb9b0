import Berth
import BerthSystem
import BerthTesting
import Glibc
import Synchronization
import TestSupport

/// A client that treats a server as badly as the network can, at random.
struct Hammering {
    private let address: SocketAddress
    private var random: SeededGenerator

    init(_ address: SocketAddress, seed: UInt64) {
        self.address = address
        random = SeededGenerator(seed: seed)
    }

    /// One connection, whatever becomes of it. False when the server did not even take it.
    mutating func strike() -> Bool {
        if let (peer, patience) = faultyPeer() {
            if case .neverConnected = peer.visitBlocking(address, within: patience).ending { return false }
            return true
        }
        guard let socket = try? TCPSocket.connect(to: Endpoint(address), within: .seconds(10)) else { return false }
        let stream = SocketStream(socket, framing: .selfCounting64)
        stream.readDeadline = .after(.seconds(240))
        stream.stallLimit = .seconds(60)
        // What the server does to the connection meanwhile is none of the client's business.
        try? converse(stream)
        if random.isOne(in: 3) { stream.abort() } else { stream.close() }
        return true
    }

    /// Who comes this time, and how long it stays at most; `nil` for someone who converses.
    private mutating func faultyPeer() -> (peer: FaultyPeer, patience: Duration)? {
        let long: Duration = .seconds(240)
        switch Int.random(in: 0..<10, using: &random) {
        case 0: return (.dribbles(Array(frames(3).prefix(60)), every: .zero), long)
        case 1:
            let bytes = frames(2)
            let part = Array(bytes.prefix(Int.random(in: 1..<bytes.count, using: &random)))
            return (random.isOne(in: 3) ? .resets(part, at: .sent) : .leaves(part), long)
        // Until the server has enough of it.
        case 2: return (.stops([0, 0, 0, 0, 0, 0, 1]), long)
        case 3: return (.stops(), long)
        case 4:
            let asking = Self.frame(body(for: .bigReply))
            return (.neverReads(asking, times: 30), .milliseconds(Int.random(in: 50...200, using: &random)))
        case 5: return (.stops([UInt8](repeating: UInt8.random(in: 0...255, using: &random), count: 64)), long)
        default: return nil
        }
    }

    private mutating func converse(_ stream: SocketStream) throws {
        if random.isOne(in: 3) {
            // Pipelined, answered to the end.
            for _ in 0..<Int.random(in: 1...40, using: &random) { try stream.writeFrame(body(for: .echo)) }
            try stream.finishSending()
            while try stream.readFrame() != nil {}
            return
        }
        for _ in 0..<Int.random(in: 1...12, using: &random) {
            try stream.write(frames(Int.random(in: 1...4, using: &random)))
            try stream.flush()
            if random.isOne(in: 2) { _ = try stream.readFrame() }
        }
        if random.isOne(in: 2) { try stream.finishSending() }
        if random.isOne(in: 2) { while try stream.readFrame() != nil {} }
    }

    private mutating func body(for order: Order) -> [UInt8] {
        let size =
            random.isOne(in: 20) ? Int.random(in: 0...100_000, using: &random) : Int.random(in: 0...100, using: &random)
        return [order.rawValue] + [UInt8](repeating: 0x55, count: size)
    }

    /// Frames with random orders, as they are sent.
    private mutating func frames(_ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        for _ in 0..<count {
            let order = random.isOne(in: 3) ? Order.allCases.randomElement(using: &random) ?? .echo : .echo
            bytes += Self.frame(body(for: order))
        }
        return bytes
    }

    private static func frame(_ body: [UInt8]) -> [UInt8] {
        withUnsafeBytes(of: UInt64(body.count + 8).bigEndian) { unsafe Array($0) } + body
    }
}

/// What this process has open.
enum OpenDescriptors {
    static var count: Int { (try? Kernel.names(inDirectory: "/proc/self/fd").count) ?? 0 }

    /// What they are.
    static var list: [String] {
        let names = (try? Kernel.names(inDirectory: "/proc/self/fd")) ?? []
        return names.map { "\($0) \((try? Kernel.linkTarget("/proc/self/fd/\($0)")) ?? "gone")" }
    }

    /// How many sockets of this process have this local or remote port.
    static func sockets(onPort port: UInt16) -> Int {
        let suffix = ":" + String(UInt32(port) + 0x10000, radix: 16, uppercase: true).dropFirst()
        guard let names = try? Kernel.names(inDirectory: "/proc/self/fd"),
            let table = try? Kernel.contents(of: "/proc/self/net/tcp", limit: 64 << 20)
        else { return -1 }
        let own = Set(names.compactMap { try? Kernel.linkTarget("/proc/self/fd/\($0)") })
        return String(decoding: table, as: UTF8.self).split(separator: "\n").dropFirst().count { line in
            let fields = line.split(separator: " ")
            guard fields.count > 9, fields[1].hasSuffix(suffix) || fields[2].hasSuffix(suffix) else { return false }
            return own.contains("socket:[\(fields[9])]")
        }
    }
}
