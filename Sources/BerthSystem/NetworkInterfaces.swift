internal import CBerth
internal import Glibc

/// Changes of the interfaces of a network namespace. Needs CAP_NET_ADMIN there.
///
/// Source: `man 7 rtnetlink`.
package enum NetworkInterfaces {
    /// Makes two interfaces that are the ends of one cable, the second one in the namespace that `farNamespace` keeps.
    /// Both are down. The request is RTM_NEWLINK (`man 4 veth`).
    package static func makePair(
        _ near: String, _ far: String, farNamespace: borrowing Descriptor
    ) throws(Errno) {
        let peer =
            Netlink.bytes(of: LinkHeader()) + attribute(Number.linkName, text(far))
            + attribute(Number.linkNamespace, Netlink.bytes(of: farNamespace.rawValue))
        let information =
            attribute(Number.linkKind, text("veth")) + attribute(Number.linkData, attribute(Number.pairPeer, peer))
        try request(
            Number.newLink, NLM_F_CREATE | NLM_F_EXCL,
            Netlink.bytes(of: LinkHeader()) + attribute(Number.linkName, text(near))
                + attribute(Number.linkInformation, information))
    }

    /// Switches an interface on or off. The request is RTM_NEWLINK.
    package static func set(_ name: String, up: Bool) throws(Errno) {
        var header = LinkHeader()
        header.index = Int32(try index(of: name))
        header.flags = up ? UInt32(IFF_UP) : 0
        header.change = UInt32(IFF_UP)
        try request(Number.newLink, 0, Netlink.bytes(of: header))
    }

    /// Gives an interface one more address, of 4 or 16 bytes, that can be used at once. The request is RTM_NEWADDR.
    package static func add(_ address: [UInt8], prefixLength: UInt8, to name: String) throws(Errno) {
        var header = AddressHeader()
        header.family = UInt8(address.count == 4 ? AF_INET : AF_INET6)
        header.prefixLength = prefixLength
        // Without IFA_F_NODAD an IPv6 address is tentative for a second.
        header.flags = address.count == 4 ? 0 : Number.withoutDuplicateDetection
        header.index = try index(of: name)
        try request(
            Number.newAddress, NLM_F_CREATE | NLM_F_EXCL,
            Netlink.bytes(of: header) + attribute(Number.localAddress, address) + attribute(Number.address, address))
    }

    private static func request(_ type: Int, _ flags: Int32, _ body: [UInt8]) throws(Errno) {
        let message = Netlink.message(
            type: Int32(type), flags: NLM_F_REQUEST | NLM_F_ACK | flags, sequence: 1, body)
        var messages = NetlinkMessages<Never>(sequence: 1) { _ in nil }
        try Netlink.exchange(message, &messages, family: NETLINK_ROUTE)
    }

    private static func index(of name: String) throws(Errno) -> UInt32 {
        let index = unsafe name.withCString { unsafe if_nametoindex($0) }
        if index == 0 { throw .current }
        return index
    }

    private static func text(_ text: String) -> [UInt8] { Array(text.utf8) + [0] }

    private static func attribute(_ type: some BinaryInteger, _ value: [UInt8]) -> [UInt8] {
        let header = nlattr(nla_len: UInt16(4 + value.count), nla_type: UInt16(type))
        return Netlink.bytes(of: header) + value + [UInt8](repeating: 0, count: (4 - value.count % 4) % 4)
    }

    /// The numbers of linux/rtnetlink.h, linux/if_link.h, linux/if_addr.h and linux/veth.h, which contradict the C
    /// library's headers.
    private enum Number {
        static let newLink = 16  // RTM_NEWLINK
        static let newAddress = 20  // RTM_NEWADDR
        static let linkName = 3  // IFLA_IFNAME
        static let linkInformation = 18  // IFLA_LINKINFO
        static let linkNamespace = 28  // IFLA_NET_NS_FD
        static let linkKind = 1  // IFLA_INFO_KIND
        static let linkData = 2  // IFLA_INFO_DATA
        static let pairPeer = 1  // VETH_INFO_PEER
        static let address = 1  // IFA_ADDRESS
        static let localAddress = 2  // IFA_LOCAL
        static let withoutDuplicateDetection = UInt8(2)  // IFA_F_NODAD
    }

    /// `struct ifinfomsg`.
    private struct LinkHeader: BitwiseCopyable {
        var family: UInt8 = 0
        var padding: UInt8 = 0
        var type: UInt16 = 0
        var index: Int32 = 0
        var flags: UInt32 = 0
        var change: UInt32 = 0
    }

    /// `struct ifaddrmsg`.
    private struct AddressHeader: BitwiseCopyable {
        var family: UInt8 = 0
        var prefixLength: UInt8 = 0
        var flags: UInt8 = 0
        var scope: UInt8 = 0
        var index: UInt32 = 0
    }
}
