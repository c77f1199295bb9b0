import BerthInspect
import BerthSockets
import BerthSystem
import TestSupport
import Testing

@Suite("The bind rule agrees with the kernel", .enabled(if: PrivateNetwork.isAvailable))
struct BindMatrixTests {
    /// An address to bind, and for a wildcard the address under which it is reached.
    struct Form: Sendable, CustomStringConvertible {
        var name: String
        var bind: SocketAddress
        var reached: SocketAddress
        var isIPv6Only = false
        var description: String { name }
    }

    static let one = SocketAddress.ipv4(.loopback, port: 0)
    static let two = SocketAddress.ipv4(IPv4Address(127, 0, 0, 2), port: 0)
    static let ipv4Any = SocketAddress.ipv4(.any, port: 0)
    static let six = SocketAddress.ipv6(.loopback, port: 0)
    static let ipv6Any = SocketAddress.ipv6(.any, port: 0)
    static let mapped = SocketAddress.ipv6(IPv6Address(mapping: .loopback), port: 0)
    static let mappedAny = SocketAddress.ipv6(IPv6Address(mapping: .any), port: 0)

    static let held = [
        Form(name: "127.0.0.1", bind: one, reached: one), Form(name: "127.0.0.2", bind: two, reached: two),
        Form(name: "0.0.0.0", bind: ipv4Any, reached: one),
        // A socket bound to a real IPv6 address becomes IPV6_V6ONLY by that (inet6_bind in the kernel).
        Form(name: "::1", bind: six, reached: six, isIPv6Only: true),
        Form(name: ":: by IPv6", bind: ipv6Any, reached: six), Form(name: ":: by IPv4", bind: ipv6Any, reached: one),
        Form(name: ":: only", bind: ipv6Any, reached: six, isIPv6Only: true),
        Form(name: "::ffff:127.0.0.1", bind: mapped, reached: one),
        Form(name: "::ffff:0.0.0.0", bind: mappedAny, reached: one),
    ]
    static let wanted = held.filter { $0.name != ":: by IPv4" }
    static let options = [false, true].flatMap { address in
        [false, true].map { ReuseOptions(reuseAddress: address, reusePort: $0) }
    }

    /// What the holder is when the other one binds.
    enum Situation: Sendable, CustomStringConvertible, CaseIterable {
        case bound, listening, established, finWait2, finWait2Orphan, timeWait, closeWait, lastAck

        var leftover: Leftover? {
            switch self {
            case .bound, .listening: nil
            case .established: .established
            case .finWait2: .finWait2
            case .finWait2Orphan: .finWait2Orphan
            case .timeWait: .timeWait
            case .closeWait: .closeWait
            case .lastAck: .lastAck
            }
        }

        var description: String { leftover?.state.description ?? (self == .bound ? "bound" : "listening") }
    }

    @Test("for every pair of addresses, options of both sides and state of the holder", arguments: Situation.allCases)
    func everyCombination(situation: Situation) async throws {
        let (cases, disagreements) = try await inPrivateNetwork {
            var cases = 0
            var disagreements: [String] = []
            for form in Self.held {
                for held in Self.options {
                    try Self.compare(situation, form, held, &cases, &disagreements)
                }
            }
            return (cases, disagreements)
        }
        #expect(disagreements.isEmpty)
        #expect(cases == Self.held.count * 4 * Self.wanted.count * 4)
    }

    /// Each scene has a port of its own, below those of outgoing connections: one that the kernel chooses may still be
    /// held on another address by what an earlier scene left. The network is private, so that nobody else is there.
    private static let firstPort: UInt16 = 10_000

    /// Compares one kind of holder with every attempt. The holder is made anew for each: the kernel remembers for a
    /// port what was bound there before, and may decide by that (``historyCounts()``).
    private static func compare(
        _ situation: Situation, _ form: Form, _ held: ReuseOptions, _ cases: inout Int, _ disagreements: inout [String]
    ) throws {
        var known: PortHolder?
        for other in Self.wanted {
            for options in Self.options {
                let scene = try Scene.make(situation, form, held, port: firstPort + UInt16(cases))
                var holder = try known ?? scene.lookedAt(situation, form, held)
                holder.socket.local = holder.socket.local.withPort(scene.port)
                // The first of a kind stands for all: the kernel walks through its whole table at every look.
                known = holder
                let attempt = BindAttempt(
                    other.bind.withPort(scene.port), options: options, isIPv6Only: other.isIPv6Only,
                    user: Kernel.effectiveUser)
                let predicted = BindRule.allows(attempt, beside: [holder])
                var observed = try Self.binds(attempt)
                // Tests beside this one start programs: between fork and exec a child holds a copy of every descriptor,
                // also of a listener that was closed here. What is in the way for good is still there a moment later.
                let patience = Deadline.after(.seconds(2))
                while observed != predicted, predicted == true, !patience.hasPassed {
                    observed = try Self.binds(attempt)
                }
                cases += 1
                if predicted != observed {
                    disagreements.append(
                        "\(form) \(held) \(situation), then \(other) \(options): "
                            + "predicted \(String(describing: predicted)), observed \(observed)")
                }
            }
        }
    }

    /// A holder in its situation.
    private struct Scene: ~Copyable {
        let holder: RawSocket?
        let left: LeftoverSockets
        let port: UInt16

        private init(holder: consuming RawSocket?, left: consuming LeftoverSockets, port: UInt16) {
            self.holder = holder
            self.left = left
            self.port = port
        }

        static func make(
            _ situation: Situation, _ form: Form, _ held: ReuseOptions, port: UInt16
        ) throws -> Scene {
            let address = form.bind.withPort(port)
            let socket = try RawSocket(address, held, isIPv6Only: form.isIPv6Only, listens: situation != .bound)
            guard let leftover = situation.leftover else {
                return Scene(holder: socket, left: LeftoverSockets(), port: port)
            }
            let left = try leave(leftover, of: socket, at: form.reached.withPort(port))
            _ = consume socket
            return Scene(holder: nil, left: left, port: port)
        }

        /// What the kernel says of it.
        func lookedAt(_ situation: Situation, _ form: Form, _ held: ReuseOptions) throws -> PortHolder {
            let state = situation.leftover?.state ?? (situation == .bound ? .closed : .listen)
            var record = try awaitedRecord(port: port, state: state)
            // The kernel's list leaves this out for connections; here it is known.
            if case .ipv6 = form.bind.unmapped, record.isIPv6Only == nil { record.isIPv6Only = form.isIPv6Only }
            return PortHolder(record, options: .known(held))
        }
    }

    /// Whether the kernel lets the attempt bind and listen.
    private static func binds(_ attempt: BindAttempt) throws -> Bool {
        do throws(Errno) {
            _ = try RawSocket(attempt.address, attempt.options, isIPv6Only: attempt.isIPv6Only, listens: true)
            return true
        } catch .addressInUse {
            return false
        }
    }

    @Test("except where the kernel remembers a bind that is over: SO_REUSEPORT then passes over a listener without it")
    func historyCounts() async throws {
        let observed = try await inPrivateNetwork {
            let share = ReuseOptions(reuseAddress: false, reusePort: true)
            return try [false, true].map { withHistory in
                let listener = try RawSocket(Self.six, listens: true)
                let port = try listener.port()
                // Does not overlap [::1], so that it is allowed; the kernel keeps it as the port's last sharer
                // (fastreuseport of the bind bucket) and compares the next one only with that.
                if withHistory { _ = try RawSocket(Self.ipv4Any.withPort(port), share) }
                let binds = try Self.binds(BindAttempt(Self.ipv6Any.withPort(port), options: share))
                _ = consume listener
                return binds
            }
        }
        #expect(observed == [false, true])
    }
}
