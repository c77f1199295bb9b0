import BerthSystem
import Testing

@testable import BerthSockets

@Suite("Addresses")
struct AddressTests {
    @Test(
        "an IPv4 address is four decimal numbers and nothing else",
        arguments: [
            "", "1", "127.1", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.04", "0x7f.0.0.1", "+1.2.3.4",
            " 1.2.3.4", "1.2.3.4 ", "1..2.3", "1.2.3.", "１.2.3.4", "1.2.3.1000",
        ])
    func wrongIPv4(_ text: String) { #expect(IPv4Address(text) == nil) }

    @Test(
        "an IPv4 address prints as it was written",
        arguments: ["0.0.0.0", "127.0.0.1", "255.255.255.255", "10.0.200.3"])
    func ipv4(_ text: String) { #expect(IPv4Address(text)?.description == text) }

    @Test(
        "an IPv6 address prints as RFC 5952 asks",
        arguments: [
            ("::", "::"), ("::1", "::1"), ("1::", "1::"), ("0:0:0:0:0:0:0:1", "::1"),
            ("2001:DB8::0001", "2001:db8::1"),
            ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),  // a single zero group is not shortened
            ("2001:0:0:1:0:0:0:1", "2001:0:0:1::1"),  // the longest run
            ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),  // the first of equals
            ("::ffff:192.0.2.1", "::ffff:192.0.2.1"), ("::ffff:c000:201", "::ffff:192.0.2.1"),
            ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"), ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
            ("1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"), ("fe80::1%1", "fe80::1%lo"), ("fe80::1%lo", "fe80::1%lo"),
            ("fe80::1%999999", "fe80::1%999999"),
        ])
    func ipv6(_ text: String, _ printed: String) { #expect(IPv6Address(text)?.description == printed) }

    @Test(
        "what is not an IPv6 address is refused",
        arguments: [
            "", ":", ":::", "1", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", "12345::", "g::", ":1::", "1:::2",
            "1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8", "1.2.3.4::", "::1.2.3", "::1.2.3.4:5", "+1::",
            "1:2:3:4:5:6:7:1.2.3.4",
            "fe80::1%", "fe80::1%nosuch", "fe80::1%0", "[::1]", "::1 ", "1:", ":1",
        ])
    func wrongIPv6(_ text: String) { #expect(IPv6Address(text) == nil) }

    @Test(
        "an address survives the way through the kernel's form",
        arguments: [
            SocketAddress.ipv4(IPv4Address(192, 0, 2, 1), port: 65535),
            .ipv6(IPv6Address(high: 0x2001_0db8_0000_0001, low: 0x0002_0003_0004_0005, scope: 7), port: 1),
            .unix(path: "/run/x"), .unix(path: String(repeating: "p", count: 107)), .abstract(name: [1, 0, 255]),
            .abstract(name: [UInt8](repeating: 0, count: 107)), .unnamed,
        ])
    func raw(_ address: SocketAddress) throws { #expect(SocketAddress(try address.raw) == address) }

    @Test("a Unix name that does not fit is refused before the kernel cuts it")
    func tooLong() {
        #expect(throws: Errno.nameTooLong) { try SocketAddress.unix(path: String(repeating: "p", count: 108)).raw }
        #expect(throws: Errno.nameTooLong) { try SocketAddress.abstract(name: [UInt8](repeating: 1, count: 108)).raw }
        #expect(throws: Errno.invalidArgument) { try SocketAddress.unix(path: "a\0b").raw }
        #expect(throws: Errno.invalidArgument) { try SocketAddress.unix(path: "").raw }
    }

    @Test(
        "addresses print as they are written",
        arguments: [
            (SocketAddress.ipv4(.loopback, port: 80), "127.0.0.1:80"), (.ipv6(.loopback, port: 0), "[::1]:0"),
            (.unix(path: "/run/a.sock"), "/run/a.sock"), (.unix(path: "a.sock"), "unix:a.sock"),
            (.abstract(name: Array("berth".utf8)), "@berth"), (.abstract(name: [0, 0x1b, 0x5c]), "@\\x00\\x1b\\x5c"),
            (.unnamed, "an unnamed Unix socket"),
        ])
    func printing(_ address: SocketAddress, _ text: String) { #expect(address.description == text) }

    @Test("loopback and wildcard are recognised, also in their mapped form")
    func kinds() throws {
        let mapped = SocketAddress.ipv6(IPv6Address(mapping: .loopback), port: 5)
        #expect(mapped.isLoopback && !mapped.isWildcard)
        #expect(mapped.unmapped == .ipv4(.loopback, port: 5))
        #expect(SocketAddress.ipv6(IPv6Address(mapping: .any), port: 5).isWildcard)
        #expect(SocketAddress.ipv4(IPv4Address(127, 9, 9, 9), port: 1).isLoopback)
        #expect(SocketAddress.unix(path: "/x").isLoopback && SocketAddress.unix(path: "/x").port == nil)
        #expect(SocketAddress.ipv6(.loopback, port: 5).unmapped == .ipv6(.loopback, port: 5))
        #expect(try #require(IPv6Address("fe80::1")).isLinkLocal)
        #expect(try !#require(IPv6Address("fec0::1")).isLinkLocal)
    }
}
