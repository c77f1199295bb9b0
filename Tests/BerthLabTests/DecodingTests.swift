import BerthLab
import BerthSockets
import BerthSystem
import Testing

/// Packets are read as RFC 791, 8200 and 9293 say, and numbered as tcpdump does.
@Suite struct DecodingTests {
    /// The SYN of the first article's capture, 192.168.16.101.50631 to 192.168.16.104.12345, in an Ethernet frame.
    static let syn = bytes(
        """
        000c29aabbcc 005056ddeeff 0800
        4500 0034 7947 4000 4006 0000 c0a81065 c0a81068
        c5c7 3039 a55d271a 00000000 8002 faf0 0f89 0000
        020405b4 01 030308 01 01 0402
        """)
    static func bytes(_ text: String) -> [UInt8] {
        let digits = text.filter(\.isHexDigit)
        return stride(from: 0, to: digits.count, by: 2).compactMap { index in
            UInt8(String(digits.dropFirst(index).prefix(2)), radix: 16)
        }
    }

    @Test func `a SYN over IPv4 is read with its addresses, numbers and options`() throws {
        let segment = try #require(TCPSegment(frame: Self.syn))
        #expect(segment.source == .ipv4(IPv4Address(192, 168, 16, 101), port: 50631))
        #expect(segment.destination == .ipv4(IPv4Address(192, 168, 16, 104), port: 12345))
        #expect(segment.flags == .syn)
        #expect(segment.flags.description == "[S]")
        #expect(segment.sequence == 2_774_345_498)
        #expect(segment.window == 64240)
        #expect(segment.options.map(\.description) == ["mss 1460", "wscale 8", "sackOK"])
        #expect(segment.length == 0)
    }

    @Test func `data over IPv6 is read with its length, also where the capture is cut`() throws {
        var frame = Self.bytes(
            """
            000000000000 000000000000 86dd
            6001 2345 0028 06 40 00000000000000000000000000000001 00000000000000000000000000000001
            3039 c5c7 00000001 00000002 8018 0200 0030 0000
            0101 080a 00000007 00000009
            """)
        frame += Array("Welcome!".utf8)
        let segment = try #require(TCPSegment(frame: frame))
        #expect(segment.source.description == "[::1]:12345")
        #expect(segment.flags.description == "[P.]")
        #expect(segment.length == 8)
        #expect(segment.payload == Array("Welcome!".utf8))
        #expect(segment.options == [.timestamps(value: 7, echo: 9)])
        let cut = try #require(TCPSegment(frame: frame.dropLast(5)))
        #expect(cut.length == 8)
        #expect(cut.payload == Array("Wel".utf8))
    }

    @Test func `whatever is no whole TCP header is no segment`() {
        for count in 0..<Self.syn.count - 12 { #expect(TCPSegment(frame: Array(Self.syn.prefix(count))) == nil) }
        var udp = Self.syn
        udp[23] = 17
        #expect(TCPSegment(frame: udp) == nil)
        var fragment = Self.syn
        fragment[21] = 1
        #expect(TCPSegment(frame: fragment) == nil)
        var shortHeader = Self.syn
        shortHeader[46] = 0x40
        #expect(TCPSegment(frame: shortHeader) == nil)
    }

    @Test func `an option that says it is longer than the header ends the options`() throws {
        var frame = Self.syn
        frame[55] = 200
        #expect(try #require(TCPSegment(frame: frame)).options.isEmpty)
    }

    @Test func `numbers count from the SYN of each side, and anew with each connection`() throws {
        var numbers = RelativeNumbers()
        let client = try #require(TCPSegment(frame: Self.syn))
        var server = client
        (server.source, server.destination) = (client.destination, client.source)
        server.sequence = .max
        server.acknowledgement = client.sequence &+ 1
        server.flags = [.syn, .ack]
        #expect(numbers.numbers(of: client) == (0, nil))
        #expect(numbers.numbers(of: server) == (0, 1))
        server.flags = [.push, .ack]
        server.sequence = 0
        #expect(numbers.numbers(of: server) == (1, 1))
        // The next connection between the same ports.
        var next = client
        next.sequence &+= 1_000_000
        #expect(numbers.numbers(of: next) == (0, nil))
        server.flags = [.syn, .ack]
        server.sequence = 77
        server.acknowledgement = next.sequence &+ 1
        #expect(numbers.numbers(of: server) == (0, 1))
    }

    @Test func `a capture file begins with the head of libpcap with nanoseconds`() {
        let packet = CapturedPacket(
            time: 5_000_000_007, isOutgoing: false, interface: 1, bytes: [1, 2, 3], length: 9)
        #expect(
            PcapFile.bytes([packet])
                == Self.bytes(
                    """
                    4d3cb2a1 0200 0400 00000000 00000000 00000400 01000000
                    05000000 07000000 03000000 09000000 010203
                    """))
    }
}
