import BerthInspect
import BerthSockets
import Testing

@Suite("The bind rule, where the kernel cannot be asked in a test or does not tell everything")
struct BindRuleTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var reuse: ReusePolicy
        var user: UInt32
        var holder: PortHolder
        var expected: BindRule.Verdict
        var testDescription: String { name }
    }

    static let address = Fixture.ipv4("127.0.0.1")
    static let unknown = Reading<ReuseOptions>.unknown(.notPermitted)

    static func listener(_ options: Reading<ReuseOptions>) -> PortHolder {
        Fixture.listener(address, .unknown(.notLookedAt), options: options)
    }

    static func remnant(_ state: TCPState, _ options: Reading<ReuseOptions>) -> PortHolder {
        var holder = Fixture.remnant(state, left: .seconds(30))
        holder.options = options
        return holder
    }

    static let cases = [
        Case(
            name: "a listener with unknown options refuses exclusive", reuse: .exclusive, user: 1000,
            holder: listener(unknown), expected: .refuses),
        Case(
            name: "a listener with unknown options refuses after-time-wait, whatever they are", reuse: .afterTimeWait,
            user: 1000, holder: listener(unknown), expected: .refuses),
        Case(
            name: "a listener of the same user with unknown options may share", reuse: .shared, user: 1000,
            holder: listener(unknown), expected: .unknown),
        Case(
            name: "a sharing listener of another user refuses", reuse: .shared, user: 1001,
            holder: listener(.known(.init(.shared))), expected: .refuses),
        Case(
            name: "a sharing listener of the same user shares", reuse: .shared, user: 1000,
            holder: listener(.known(.init(.shared))), expected: .shares),
        Case(
            name: "TIME_WAIT of a sharing listener lets any user in", reuse: .shared, user: 1001,
            holder: remnant(.timeWait, .known(.init(reuseAddress: false, reusePort: true))), expected: .shares),
        Case(
            name: "so does the small form of FIN_WAIT2", reuse: .shared, user: 1001,
            holder: remnant(.finWait2, .known(.init(reuseAddress: false, reusePort: true))), expected: .shares),
        Case(
            name: "TIME_WAIT refuses exclusive", reuse: .exclusive, user: 1000,
            holder: remnant(.timeWait, .unknown(.heldByKernel)), expected: .refuses),
        Case(
            name: "TIME_WAIT may or may not let after-time-wait in", reuse: .afterTimeWait, user: 1000,
            holder: remnant(.timeWait, .unknown(.heldByKernel)), expected: .unknown),
        Case(
            name: "a handshake under way holds nothing", reuse: .exclusive, user: 1000,
            holder: PortHolder(SocketRecord(local: address, remote: Fixture.peer, state: .newSynReceived)),
            expected: .apart),
        Case(
            name: "another port is another matter", reuse: .exclusive, user: 1000,
            holder: Fixture.listener(Fixture.ipv4("127.0.0.1", 81), .unknown(.notLookedAt)), expected: .apart),
    ]

    @Test("verdicts", arguments: cases)
    func verdict(of one: Case) {
        let attempt = BindAttempt(Self.address, options: ReuseOptions(one.reuse), user: one.user)
        #expect(BindRule.verdict(on: attempt, by: one.holder) == one.expected)
    }

    @Test("link-local addresses of two interfaces are two addresses")
    func interfaces() {
        func linkLocal(_ scope: UInt32) -> SocketAddress {
            .ipv6(IPv6Address(high: 0xfe80 << 48, low: 1, scope: scope), port: 8080)
        }
        var holder = Fixture.listener(linkLocal(2), .unknown(.notLookedAt), isIPv6Only: true)
        holder.socket.interface = 2
        func verdict(_ scope: UInt32) -> BindRule.Verdict {
            BindRule.verdict(on: BindAttempt(linkLocal(scope), options: .init(.exclusive)), by: holder)
        }
        #expect(verdict(3) == .apart)
        #expect(verdict(2) == .refuses)
    }

    @Test("one socket in the way is enough, and one that is not known leaves it open")
    func several() {
        let attempt = BindAttempt(Self.address, options: ReuseOptions(.afterTimeWait), user: 1000)
        let free = Self.remnant(.timeWait, .known(.init(.afterTimeWait)))
        let open = Self.remnant(.timeWait, .unknown(.heldByKernel))
        let busy = Self.listener(.known(.init(.afterTimeWait)))
        #expect(BindRule.allows(attempt, beside: []) == true)
        #expect(BindRule.allows(attempt, beside: [free]) == true)
        #expect(BindRule.allows(attempt, beside: [free, open]) == nil)
        #expect(BindRule.allows(attempt, beside: [free, open, busy]) == false)
    }
}
