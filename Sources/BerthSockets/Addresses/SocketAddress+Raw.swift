package import BerthSystem
internal import Glibc

extension SocketAddress {
    /// Reads an address that the kernel returned. A family that is neither IP nor Unix is taken as ``unnamed``; bytes
    /// of a Unix path that are not UTF-8 are replaced.
    package init(_ raw: RawSocketAddress) {
        switch raw.family {
        case AF_INET:
            let address = raw.load(as: sockaddr_in.self)
            self = .ipv4(
                IPv4Address(bits: UInt32(bigEndian: address.sin_addr.s_addr)), port: UInt16(bigEndian: address.sin_port)
            )
        case AF_INET6:
            let address = raw.load(as: sockaddr_in6.self)
            let bytes = unsafe withUnsafeBytes(of: address.sin6_addr) { unsafe Array($0) }
            self = .ipv6(
                IPv6Address(bytes: bytes, scope: address.sin6_scope_id), port: UInt16(bigEndian: address.sin6_port))
        case AF_UNIX:
            self = .init(unixName: Self.unixName(raw))
        default:
            self = .unnamed
        }
    }

    /// The bytes of sun_path that count: up to the length that came with the address (`man 7 unix`).
    private static func unixName(_ raw: RawSocketAddress) -> [UInt8] {
        let offset = MemoryLayout<sa_family_t>.size
        let end = min(Int(raw.length), MemoryLayout<sockaddr_un>.size)
        guard end > offset else { return [] }
        return unsafe withUnsafeBytes(of: raw.storage) { unsafe Array($0[offset..<end]) }
    }

    private init(unixName name: [UInt8]) {
        guard let first = name.first else {
            self = .unnamed
            return
        }
        // An abstract name starts with a null byte and may hold more of them; a path ends at its first one.
        self =
            first == 0
            ? .abstract(name: Array(name.dropFirst()))
            : .unix(path: String(decoding: name.prefix { $0 != 0 }, as: UTF8.self))
    }

    /// The address as system calls take it.
    ///
    /// - Throws: `.nameTooLong` for a Unix path or abstract name above ``maximumPathLength``, `.invalidArgument` for a
    ///   path that is empty or holds a null byte.
    package var raw: RawSocketAddress {
        get throws(Errno) {
            switch self {
            case .ipv4(let address, let port):
                var raw = sockaddr_in()
                raw.sin_family = sa_family_t(AF_INET)
                raw.sin_port = port.bigEndian
                raw.sin_addr.s_addr = address.bits.bigEndian
                return RawSocketAddress(raw)
            case .ipv6(let address, let port):
                var raw = sockaddr_in6()
                raw.sin6_family = sa_family_t(AF_INET6)
                raw.sin6_port = port.bigEndian
                raw.sin6_scope_id = address.scope
                unsafe withUnsafeMutableBytes(of: &raw.sin6_addr) { unsafe $0.copyBytes(from: address.bytes) }
                return RawSocketAddress(raw)
            case .unix(let path):
                let bytes = Array(path.utf8)
                guard !bytes.isEmpty, !bytes.contains(0) else { throw .invalidArgument }
                return try Self.rawUnix(bytes + [0])
            case .abstract(let name):
                return try Self.rawUnix([0] + name)
            case .unnamed:
                return try Self.rawUnix([])
            }
        }
    }

    private static func rawUnix(_ name: [UInt8]) throws(Errno) -> RawSocketAddress {
        guard name.count <= maximumPathLength + 1 else { throw .nameTooLong }
        var raw = sockaddr_un()
        raw.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &raw.sun_path) { unsafe $0.copyBytes(from: name) }
        return RawSocketAddress(raw, length: MemoryLayout<sa_family_t>.size + name.count)
    }

    /// The family as socket(2) takes it.
    package var family: Int32 {
        switch self {
        case .ipv4: AF_INET
        case .ipv6: AF_INET6
        case .unix, .abstract, .unnamed: AF_UNIX
        }
    }
}
