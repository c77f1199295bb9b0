package import BerthSockets

/// One question to the bind rule: a holder in some state, and who comes after it.
package struct BindCase: Sendable, Hashable {
    /// An address, as it stands in the tables of the article and of this kernel.
    package struct Form: Sendable, Hashable {
        package var name: String
        package var address: SocketAddress
        package var isIPv6Only = false
        /// Where a connection to it goes.
        package var reached: SocketAddress
    }

    /// What the holder is when the other one binds.
    package enum Situation: String, Sendable, Hashable, CaseIterable {
        case bound, listening
        case established = "ESTABLISHED"
        case finWait2 = "FIN_WAIT2"
        case closeWait = "CLOSE_WAIT"
        case timeWait = "TIME_WAIT"

        package var state: TCPState {
            switch self {
            case .bound: .closed
            case .listening: .listen
            case .established: .established
            case .finWait2: .finWait2
            case .closeWait: .closeWait
            case .timeWait: .timeWait
            }
        }
    }

    package var transport: SocketRecord.Transport
    package var held: Form
    package var heldOptions: ReuseOptions
    package var situation: Situation
    package var wanted: Form
    package var wantedOptions: ReuseOptions
    /// Whether the second socket is opened for another user than the first.
    package var isOtherUser: Bool

    /// What the rule says, with users 0 and ``otherUser``.
    package var prediction: Bool {
        let record = SocketRecord(
            transport: transport, local: situation.hasPeer ? held.reached : held.address,
            remote: situation.hasPeer ? held.reached : nil,
            state: transport == .udp ? (situation == .established ? .established : .closed) : situation.state,
            isIPv6Only: held.isIPv6Only, timer: situation == .timeWait ? .timeWait : .none)
        let attempt = BindAttempt(
            wanted.address, options: wantedOptions, isIPv6Only: wanted.isIPv6Only,
            user: isOtherUser ? Self.otherUser : 0,
            transport: transport)
        return BindRule.verdict(on: attempt, by: PortHolder(record, options: .known(heldOptions))) != .refuses
    }

    /// The user of the second socket, where that is another one: "nobody".
    package static let otherUser: UInt32 = 65534
}

extension BindCase.Situation {
    var hasPeer: Bool { self != .bound && self != .listening }
}

extension BindCase {
    static let one = SocketAddress.ipv4(.loopback, port: 1)
    static let two = SocketAddress.ipv4(IPv4Address(127, 0, 0, 2), port: 1)
    static let six = SocketAddress.ipv6(.loopback, port: 1)

    package static let forms = [
        Form(name: "127.0.0.1", address: one, reached: one),
        Form(name: "127.0.0.2", address: two, reached: two),
        Form(name: "0.0.0.0", address: .ipv4(.any, port: 1), reached: one),
        // A socket bound to a real IPv6 address becomes IPV6_V6ONLY by that (inet6_bind in the kernel).
        Form(name: "[::1]", address: six, isIPv6Only: true, reached: six),
        Form(name: "[::]", address: .ipv6(.any, port: 1), reached: one),
        Form(name: "[::] only", address: .ipv6(.any, port: 1), isIPv6Only: true, reached: six),
    ]
    package static let allOptions = [false, true].flatMap { address in
        [false, true].map { ReuseOptions(reuseAddress: address, reusePort: $0) }
    }

    /// Every case of a transport. UDP has no listeners and no ends of connections.
    package static func all(_ transport: SocketRecord.Transport) -> [BindCase] {
        let situations: [Situation] = transport == .tcp ? Situation.allCases : [.bound, .established]
        var cases: [BindCase] = []
        for situation in situations {
            for held in forms {
                for heldOptions in allOptions {
                    for wanted in forms {
                        for options in allOptions {
                            for isOtherUser in [false, true] {
                                cases.append(
                                    BindCase(
                                        transport: transport, held: held, heldOptions: heldOptions,
                                        situation: situation, wanted: wanted, wantedOptions: options,
                                        isOtherUser: isOtherUser))
                            }
                        }
                    }
                }
            }
        }
        return cases
    }
}
