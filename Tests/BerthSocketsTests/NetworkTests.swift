import BerthSockets
import Testing

@Suite("Blocks of addresses, and who may connect")
struct NetworkTests {
    @Test(
        "a block is written as it is parsed",
        arguments: [
            ("10.0.0.0/8", "10.0.0.0/8"), ("192.0.2.7", "192.0.2.7/32"), ("0.0.0.0/0", "0.0.0.0/0"),
            ("2001:db8::/32", "2001:db8::/32"), ("::1", "::1/128"), ("::/0", "::/0"),
            ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
        ])
    func parsing(text: String, expected: String) { #expect(Network(text)?.description == expected) }

    @Test(
        "what is none, or unclear, is refused",
        arguments: [
            "", "/", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.1/8", "2001:db8::1/32", "::/129",
            "10.0.0/8", "example.org/8", "10.0.0.0/8/8", "fe80::1%lo/64", "10.0.0.0/٨",
        ])
    func refusing(text: String) { #expect(Network(text) == nil) }

    private static func address(_ text: String) throws -> SocketAddress {
        guard
            case .address(let address) = try Endpoint(parsing: text.contains(":") ? "[\(text)]:1" : "\(text):1").target
        else { throw StreamError.ended }
        return address
    }

    @Test(
        "an address lies in a block when its first bits are the block's",
        arguments: [
            ("10.0.0.0/8", "10.255.1.2", true), ("10.0.0.0/8", "11.0.0.0", false),
            ("10.0.0.0/8", "::ffff:10.1.1.1", true),
            ("0.0.0.0/0", "8.8.8.8", true), ("0.0.0.0/0", "2001:db8::1", false), ("::/0", "2001:db8::1", true),
            ("::/0", "8.8.8.8", false), ("192.0.2.7", "192.0.2.7", true), ("192.0.2.7", "192.0.2.8", false),
            ("2001:db8::/33", "2001:db8:7fff::1", true), ("2001:db8::/33", "2001:db8:8000::1", false),
            ("2001:db8::/65", "2001:db8::7fff:0:0:1", true), ("2001:db8::/65", "2001:db8::8000:0:0:1", false),
        ])
    func containing(block: String, text: String, expected: Bool) throws {
        #expect(try #require(Network(block)).contains(try Self.address(text)) == expected)
    }

    struct Case: Sendable, CustomStringConvertible {
        var allow: [String] = []
        var deny: [String] = []
        let address: String
        let decision: String
        var description: String { "allow \(allow) deny \(deny): \(address)" }
    }

    @Test(
        "the longest block decides, of two as long the one that denies, and who is in none may unless some are allowed",
        arguments: [
            Case(address: "192.0.2.1", decision: "allowed"),
            Case(deny: ["192.0.2.0/24"], address: "192.0.2.1", decision: "denied by 192.0.2.0/24"),
            Case(deny: ["192.0.2.0/24"], address: "192.0.3.1", decision: "allowed"),
            Case(allow: ["10.0.0.0/8"], address: "10.1.1.1", decision: "allowed"),
            Case(allow: ["10.0.0.0/8"], address: "192.0.2.1", decision: "denied"),
            Case(allow: ["10.0.0.0/8"], address: "2001:db8::1", decision: "denied"),
            Case(allow: ["10.0.0.0/8"], deny: ["10.1.0.0/16"], address: "10.1.1.1", decision: "denied by 10.1.0.0/16"),
            Case(allow: ["10.1.1.0/24"], deny: ["10.1.0.0/16"], address: "10.1.1.1", decision: "allowed"),
            Case(allow: ["10.1.1.0/24"], deny: ["10.1.0.0/16"], address: "10.1.2.1", decision: "denied by 10.1.0.0/16"),
            Case(allow: ["10.1.0.0/16"], deny: ["10.1.0.0/16"], address: "10.1.2.1", decision: "denied by 10.1.0.0/16"),
            Case(deny: ["0.0.0.0/0", "10.0.0.0/8"], address: "10.1.2.1", decision: "denied by 10.0.0.0/8"),
            Case(deny: ["0.0.0.0/0"], address: "::ffff:10.1.2.1", decision: "denied by 0.0.0.0/0"),
        ])
    func deciding(example: Case) throws {
        let list = AccessList(
            allow: try example.allow.map { try #require(Network($0)) },
            deny: try example.deny.map { try #require(Network($0)) })
        let text =
            switch list.decision(on: try Self.address(example.address)) {
            case .allowed: "allowed"
            case .denied(let network?): "denied by \(network)"
            case .denied(nil): "denied"
            }
        #expect(text == example.decision)
    }

    @Test("a Unix socket has no address, and is decided by the rights of its file")
    func unix() throws {
        #expect(AccessList(allow: [try #require(Network("10.0.0.0/8"))]).decision(on: .unnamed) == .allowed)
    }
}
