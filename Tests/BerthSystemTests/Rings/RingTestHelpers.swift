import Glibc
import TestSupport
import Testing

@testable import BerthSystem

/// What a test that waits gives up after.
let ringTestLimit: Duration = .seconds(240)

extension Ring {
    /// A small ring for tests.
    static func small(completions: Int = 64) throws -> Ring { try Ring(capacity: 16, completions: completions) }

    /// The next `count` completions, with their requests handed over.
    mutating func wait(for count: Int) throws -> [RingCompletion] {
        let deadline = Deadline.after(ringTestLimit)
        var found: [RingCompletion] = []
        while true {
            while found.count < count, let completion = nextCompletion() { found.append(completion) }
            if found.count == count || deadline.hasPassed { return found }
            _ = try submitAndWait(atLeast: 1, nanoseconds: 1_000_000_000)
        }
    }

    /// The next completion that carries `token`; others before it are dropped.
    mutating func wait(token: UInt64) throws -> RingCompletion {
        let deadline = Deadline.after(ringTestLimit)
        while !deadline.hasPassed {
            let completion = try wait(for: 1)
            if let first = completion.first, first.token == token { return first }
        }
        throw Errno.timedOut
    }
}

/// A ring that a test hands to another thread.
final class RingBox: @unchecked Sendable {
    // Unchecked: the test uses it on one thread at a time.
    var ring: Ring
    init(_ ring: consuming Ring) { self.ring = ring }
}

/// A listener on a free port of the loopback interface.
struct LoopbackListener: ~Copyable {
    let descriptor: Descriptor
    let address: RawSocketAddress
    var rawValue: Int32 { descriptor.rawValue }

    init(at address: RawSocketAddress? = nil) throws {
        let descriptor = try Kernel.openStreamSocket(family: AF_INET, nonBlocking: false)
        var any = sockaddr_in()
        any.sin_family = sa_family_t(AF_INET)
        any.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        try Kernel.bind(descriptor.rawValue, to: address ?? RawSocketAddress(any))
        try Kernel.listen(descriptor.rawValue, backlog: 16)
        self.address = try Kernel.localAddress(descriptor.rawValue)
        self.descriptor = descriptor
    }

    func connect() throws -> Descriptor {
        let socket = try Kernel.openStreamSocket(family: AF_INET, nonBlocking: false)
        try Kernel.connect(socket.rawValue, to: address)
        return socket
    }
}

/// Both ends of a connection.
struct ConnectedPair: ~Copyable {
    let near: Descriptor
    let far: Descriptor

    init() throws {
        let listener = try LoopbackListener()
        let far = try listener.connect()
        var peer = RawSocketAddress()
        near = try Kernel.accept(listener.rawValue, nonBlocking: false, peer: &peer)
        self.far = far
    }
}

func sendBytes(_ bytes: [UInt8], on fd: Int32) throws {
    try bytes.withUnsafeBytes { try Kernel.writeAll(fd, $0) }
}

/// Exactly `count` bytes.
func readAll(_ fd: Int32, _ count: Int) throws -> [UInt8] {
    var bytes: [UInt8] = []
    while bytes.count < count {
        let more = try readBytes(fd, min(count - bytes.count, 65_536))
        if more.isEmpty { break }
        bytes += more
    }
    return bytes
}

/// The bytes of a receive.
extension BufferRing {
    func bytes(_ completion: RingCompletion) -> [UInt8] {
        guard let id = completion.bufferID, completion.result > 0 else { return [] }
        return Array(buffer(id)[..<Int(completion.result)])
    }
}

/// Whether this machine has rings; a test that needs them is skipped otherwise.
let ringsAreMissing = Comment(rawValue: "no io_uring here: \(RingSupport.probe())")
let hasRings = RingSupport.probe().isAvailable
