import Berth
import BerthSystem
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
        guard let socket = try? TCPSocket.connect(to: Endpoint(address), within: .seconds(10)) else { return false }
        let stream = SocketStream(socket, framing: .selfCounting64)
        stream.readDeadline = .after(.seconds(240))
        stream.stallLimit = .seconds(60)
        // What the server does to the connection meanwhile is none of the client's business.
        try? misbehave(stream)
        if random.isOne(in: 3) { stream.abort() } else { stream.close() }
        return true
    }

    private mutating func misbehave(_ stream: SocketStream) throws {
        switch Int.random(in: 0..<10, using: &random) {
        case 0, 1:
            // Pipelined, answered to the end.
            for _ in 0..<Int.random(in: 1...40, using: &random) { try stream.writeFrame(body(for: .echo)) }
            try stream.finishSending()
            while try stream.readFrame() != nil {}
        case 2:
            // Byte by byte.
            let bytes = frames(3)
            for byte in bytes.prefix(60) {
                try stream.write([byte])
                try stream.flush()
            }
            _ = try stream.readFrame()
        case 3:
            // Gone within a frame.
            let bytes = frames(2)
            try stream.write(Array(bytes.prefix(Int.random(in: 1..<bytes.count, using: &random))))
            try stream.flush()
        case 4:
            // Half a frame, and nothing any more until the server has enough of it.
            try stream.write([0, 0, 0, 0, 0, 0, 1])
            try stream.flush()
            _ = try stream.read()
        case 5:
            // Silent.
            _ = try stream.read()
        case 6:
            // Asks and never reads.
            stream.stallLimit = .milliseconds(100)
            for _ in 0..<30 { try stream.writeFrame(body(for: .bigReply)) }
            try stream.flush()
            pause(.milliseconds(Int.random(in: 0...120, using: &random)))
        case 7:
            // A frame that is far too large, or none at all.
            try stream.write([UInt8](repeating: UInt8.random(in: 0...255, using: &random), count: 64))
            try stream.flush()
            _ = try stream.readToEnd()
        default:
            for _ in 0..<Int.random(in: 1...12, using: &random) {
                try stream.write(frames(Int.random(in: 1...4, using: &random)))
                try stream.flush()
                if random.isOne(in: 2) { _ = try stream.readFrame() }
            }
            if random.isOne(in: 2) { try stream.finishSending() }
            if random.isOne(in: 2) { while try stream.readFrame() != nil {} }
        }
    }

    private func pause(_ time: Duration) {
        var nothing: [PollEntry] = []
        _ = try? Kernel.poll(&nothing, until: .after(time))
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
            let body = body(for: order)
            bytes += withUnsafeBytes(of: UInt64(body.count + 8).bigEndian) { unsafe Array($0) } + body
        }
        return bytes
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
