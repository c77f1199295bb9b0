internal import BerthSystem
internal import Glibc

/// One socket option, with the type of its value.
///
/// Used as `try socket.set(.noDelay, to: true)` and `try socket.option(.sendBuffer)`. What is returned is what the
/// kernel says, which may differ from what was set. The options are listed by the type of their value in the
/// extensions of this type.
///
/// Sources: `man 7 tcp`, `man 7 socket`, `man 7 ip`, `man 7 ipv6`.
public struct SocketOption<Value: Sendable>: Sendable {
    /// The C name, for example `TCP_NODELAY`.
    public let name: String
    /// Which sockets know it.
    let scope: OptionScope
    let level: Int32
    let number: Int32
    let size: Int
    let encode: @Sendable (Value) -> [UInt8]
    let decode: @Sendable ([UInt8]) -> Value
    /// The value as people write it.
    let describe: @Sendable (Value) -> String
}

/// Which sockets know an option.
enum OptionScope: Sendable, Hashable {
    case everySocket
    case ip
    case ipv6Only

    func contains(_ address: SocketAddress) -> Bool {
        switch self {
        case .everySocket: true
        case .ip: address.isIP
        case .ipv6Only: if case .ipv6 = address { true } else { false }
        }
    }
}

extension SocketOption {
    /// An option whose value is a C `int`.
    init(
        _ name: String, _ level: Int32, _ number: Int32, _ scope: OptionScope,
        encode: @escaping @Sendable (Value) -> Int32, decode: @escaping @Sendable (Int32) -> Value,
        describe: @escaping @Sendable (Value) -> String = { "\($0)" }
    ) {
        self.init(
            name: name, scope: scope, level: level, number: number, size: 4,
            encode: { OptionBytes.bytes(of: encode($0)) }, decode: { decode(OptionBytes.int($0)) }, describe: describe)
    }

    /// Sets the option on a descriptor.
    func write(_ value: Value, to fd: Int32, address: SocketAddress) throws(SocketError) {
        do { try Kernel.setOption(fd, level: level, name: number, bytes: encode(value)) } catch {
            throw SocketError(
                .option(name), address: address.description, errno: error,
                detail: "it does not take \(describe(value)): \(error.sentence)", hint: hint(for: error))
        }
    }

    /// Reads the option of a descriptor.
    func read(from fd: Int32, address: SocketAddress) throws(SocketError) -> Value {
        do { return decode(try Kernel.option(fd, level: level, name: number, count: size)) } catch {
            throw SocketError(.option(name), address: address.description, errno: error, hint: hint(for: error))
        }
    }

    private func hint(for error: Errno) -> String? {
        if level == OptionLevel.tcp, number == TCP_CONGESTION, error == .noSuchFile || error == .notPermitted {
            let path = "/proc/sys/net/ipv4/tcp_allowed_congestion_control"
            guard let bytes = try? Kernel.contents(of: path) else { return nil }
            let names = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isWhitespace)
            return "allowed here: \(names.joined(separator: ", ")) (net.ipv4.tcp_allowed_congestion_control)"
        }
        if scope != .everySocket, error == .notSupported || error == .noSuchOption {
            return "only \(scope == .ip ? "TCP" : "IPv6") sockets have it"
        }
        return nil
    }
}

/// The first argument of setsockopt(2): which part of the kernel an option belongs to.
enum OptionLevel {
    static let socket = SOL_SOCKET
    // The constants of IPPROTO_* are imported as Int.
    static let ip = Int32(IPPROTO_IP)
    static let ipv6 = Int32(IPPROTO_IPV6)
    static let tcp = Int32(IPPROTO_TCP)
}

/// How values lie in the bytes of an option.
enum OptionBytes {
    static func bytes(of value: Int32) -> [UInt8] { unsafe withUnsafeBytes(of: value) { unsafe Array($0) } }

    /// The first C `int` at `offset`; 0 when the kernel returned fewer bytes.
    static func int(_ bytes: [UInt8], at offset: Int = 0) -> Int32 {
        guard bytes.count >= offset + 4 else { return 0 }
        return unsafe bytes.withUnsafeBytes { unsafe $0.loadUnaligned(fromByteOffset: offset, as: Int32.self) }
    }
}

extension TCPSocket {
    /// The value of an option, as the kernel says it.
    ///
    /// - Throws: operation `.option` with the option's C name.
    public func option<Value>(_ option: SocketOption<Value>) throws(SocketError) -> Value {
        try option.read(from: fileDescriptor, address: peer)
    }

    /// Sets an option.
    ///
    /// - Throws: operation `.option` with the option's C name, the value in the sentence.
    public func set<Value>(_ option: SocketOption<Value>, to value: Value) throws(SocketError) {
        try option.write(value, to: fileDescriptor, address: peer)
    }
}
