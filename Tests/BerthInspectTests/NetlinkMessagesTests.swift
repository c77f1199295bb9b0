import BerthSystem
import BerthTesting
import CBerth
import Glibc
import Testing

@Suite("The answers of sock_diag are read defensively")
struct NetlinkMessagesTests {
    static func bytes(_ value: some BitwiseCopyable) -> [UInt8] { withUnsafeBytes(of: value) { Array($0) } }

    static func message(type: Int32, sequence: UInt32 = 1, flags: Int32 = 0, _ body: [UInt8]) -> [UInt8] {
        var header = nlmsghdr()
        header.nlmsg_len = UInt32(MemoryLayout<nlmsghdr>.size + body.count)
        header.nlmsg_type = UInt16(type)
        header.nlmsg_flags = UInt16(flags)
        header.nlmsg_seq = sequence
        return bytes(header) + body + [UInt8](repeating: 0, count: (4 - body.count % 4) % 4)
    }

    static func attribute(type: Int, _ value: [UInt8]) -> [UInt8] {
        bytes(nlattr(nla_len: UInt16(4 + value.count), nla_type: UInt16(type))) + value
            + [UInt8](repeating: 0, count: (4 - value.count % 4) % 4)
    }

    /// A listener on `[::]:8080` that leaves IPv4 alone.
    static var socket: [UInt8] {
        var body = inet_diag_msg()
        body.idiag_family = UInt8(AF_INET6)
        body.idiag_state = 10
        body.id.idiag_sport = UInt16(8080).bigEndian
        body.idiag_wqueue = 128
        body.idiag_uid = 1000
        body.idiag_inode = 4711
        return bytes(body) + attribute(type: INET_DIAG_SKV6ONLY, [1]) + attribute(type: 4, Array("bbr\0".utf8))
    }

    static let done = message(type: NLMSG_DONE, bytes(Int32(0)))

    @Test("a socket with its attributes, and the end of the dump")
    func wellFormed() throws {
        var messages = NetlinkMessages(sequence: 1) { $0 }
        try messages.take((Self.message(type: SOCK_DIAG_BY_FAMILY, Self.socket) + Self.done)[...])
        #expect(messages.isComplete)
        let entry = try #require(messages.dump.items.first)
        #expect(messages.dump.items.count == 1)
        #expect(entry.localAddress == [UInt8](repeating: 0, count: 16))
        #expect(entry.localPort == 8080)
        #expect(entry.sendQueue == 128)
        #expect(entry.user == 1000)
        #expect(entry.inode == 4711)
        #expect(entry.isIPv6Only == true)
        #expect(entry.info == nil)
    }

    @Test("the kernel's refusal is its error")
    func refusal() {
        for type in [NLMSG_ERROR, NLMSG_DONE] {
            var messages = NetlinkMessages(sequence: 1) { $0 }
            #expect(throws: Errno.noSuchFile) {
                try messages.take(Self.message(type: type, Self.bytes(-ENOENT))[...])
            }
        }
    }

    @Test("a dump during which the table changed is marked")
    func interrupted() throws {
        var messages = NetlinkMessages(sequence: 1) { $0 }
        let socket = Self.message(type: SOCK_DIAG_BY_FAMILY, flags: NLM_F_DUMP_INTR, Self.socket)
        try messages.take((socket + Self.done)[...])
        #expect(messages.dump.isInterrupted)
    }

    @Test("messages of another request are passed over")
    func otherSequence() throws {
        var messages = NetlinkMessages(sequence: 2) { $0 }
        try messages.take((Self.message(type: SOCK_DIAG_BY_FAMILY, Self.socket) + Self.done)[...])
        #expect(messages.dump.items.isEmpty)
        #expect(!messages.isComplete)
    }

    @Test("an answer that is cut anywhere is an error or incomplete, never more than was sent")
    func truncated() {
        let whole = Self.message(type: SOCK_DIAG_BY_FAMILY, Self.socket) + Self.done
        for count in 0..<whole.count {
            var messages = NetlinkMessages(sequence: 1) { $0 }
            do throws(Errno) {
                try messages.take(whole[..<count])
                #expect(!messages.isComplete)
            } catch {
                #expect(error == .protocolError)
            }
        }
    }

    @Test("arbitrary bytes never crash the reader")
    func garbage() {
        var generator = SeededGenerator(state: 4711)
        let whole = Self.message(type: SOCK_DIAG_BY_FAMILY, Self.socket) + Self.done
        for _ in 0..<50_000 {
            var bytes = whole
            for _ in 0...Int.random(in: 0..<8, using: &generator) {
                bytes[Int.random(in: bytes.indices, using: &generator)] = .random(in: 0...255, using: &generator)
            }
            var messages = NetlinkMessages(sequence: 1) { $0 }
            try? messages.take(bytes.prefix(Int.random(in: 0...bytes.count, using: &generator)))
            #expect(messages.dump.items.count <= 2)
        }
    }
}

/// The same numbers in every run (splitmix64).
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var word = state
        word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
        return word ^ (word >> 31)
    }
}
