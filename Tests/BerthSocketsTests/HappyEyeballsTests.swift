import BerthSystem
import Testing

@testable import BerthSockets

@Suite("Happy eyeballs, without sockets")
struct HappyEyeballsTests {
    static func v6(_ number: UInt64) -> SocketAddress { .ipv6(IPv6Address(high: 0x2001 << 48, low: number), port: 1) }
    static func v4(_ number: UInt8) -> SocketAddress { .ipv4(IPv4Address(192, 0, 2, number), port: 1) }
    static func at(_ milliseconds: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: milliseconds * 1_000_000) }

    @Test("families alternate, the resolver's first family first, each in its own order")
    func order() {
        let list = [Self.v6(1), Self.v6(2), Self.v6(3), Self.v4(1), Self.v4(2)]
        #expect(HappyEyeballs.interleaved(list) == [Self.v6(1), Self.v4(1), Self.v6(2), Self.v4(2), Self.v6(3)])
        #expect(HappyEyeballs.interleaved([Self.v4(1), Self.v6(1)]) == [Self.v4(1), Self.v6(1)])
        #expect(HappyEyeballs.interleaved([]) == [])
    }

    enum Event: Sendable {
        case time(Int64), failed(Int, Int64), connected(Int, Int64), deadline(Int64)
    }

    @Test(
        "what happens decides what is done",
        arguments: [
            ("the first connects", [.connected(0, 10)], [[.start(0)], [.succeed(0)]]),
            (
                "silence starts the next every 250 ms", [.time(249), .time(250), .time(499), .time(500), .time(9999)],
                [[.start(0)], [], [.start(1)], [], [.start(2)], []]
            ),
            (
                "a failure starts the next at once", [.failed(0, 5), .time(254), .time(255)],
                [[.start(0)], [.start(1)], [], [.start(2)]]
            ),
            (
                "the slow first still wins and the others are closed", [.time(250), .time(500), .connected(0, 600)],
                [[.start(0)], [.start(1)], [.start(2)], [.giveUp(1), .giveUp(2), .succeed(0)]]
            ),
            (
                "after the win nothing counts",
                [.connected(0, 1), .failed(0, 2), .time(250), .connected(1, 3), .deadline(4)],
                [[.start(0)], [.succeed(0)], [], [], [], []]
            ),
            (
                "all failing is a failure only when the last failed",
                [.failed(0, 1), .time(251), .failed(1, 252), .failed(2, 253)],
                [[.start(0)], [.start(1)], [.start(2)], [], [.fail]]
            ),
            (
                "the deadline closes what runs", [.time(250), .deadline(300)],
                [[.start(0)], [.start(1)], [.giveUp(0), .giveUp(1), .fail]]
            ),
            ("an attempt fails once only", [.failed(0, 1), .failed(0, 2)], [[.start(0)], [.start(1)], []]),
        ] as [(String, [Event], [[HappyEyeballs.Action]])])
    func table(_ name: String, _ events: [Event], _ expected: [[HappyEyeballs.Action]]) {
        var machine = HappyEyeballs([Self.v6(1), Self.v4(1), Self.v6(2)])
        var actions = [machine.begin(at: Self.at(0))]
        for event in events {
            switch event {
            case .time(let time): actions.append(machine.timePassed(at: Self.at(time)))
            case .failed(let index, let time):
                actions.append(machine.failed(index, .connectionRefused, at: Self.at(time)))
            case .connected(let index, let time): actions.append(machine.connected(index, at: Self.at(time)))
            case .deadline(let time): actions.append(machine.deadlinePassed(at: Self.at(time)))
            }
        }
        #expect(actions == expected, Comment(rawValue: name))
    }

    @Test("each attempt is recorded with its failure and its own duration")
    func attempts() {
        var machine = HappyEyeballs([Self.v6(1), Self.v4(1)])
        _ = machine.begin(at: Self.at(0))
        _ = machine.failed(0, .networkUnreachable, at: Self.at(40))
        _ = machine.deadlinePassed(at: Self.at(1040))
        #expect(
            machine.attempts == [
                ConnectAttempt(address: Self.v6(1), failure: .networkUnreachable, after: .milliseconds(40)),
                ConnectAttempt(address: Self.v4(1), failure: nil, after: .seconds(1)),
            ])
        #expect(machine.wakeUp == nil)
    }

    @Test("no address at all is a failure")
    func none() {
        var machine = HappyEyeballs([])
        #expect(machine.begin(at: Self.at(0)) == [.fail])
    }

    @Test(
        "what a failed connect says",
        arguments: [
            (
                [ConnectAttempt(address: v4(1), failure: .connectionRefused, after: .zero)], nil, "192.0.2.1:1",
                "cannot connect to 192.0.2.1:1: nobody listens there (ECONNREFUSED)"
            ),
            (
                [
                    ConnectAttempt(address: v6(1), failure: .connectionRefused, after: .zero),
                    ConnectAttempt(address: v4(1), failure: .connectionRefused, after: .zero),
                ], nil, "x.example:1",
                "cannot connect to x.example:1: nobody listens there (ECONNREFUSED); tried [2001::1]:1 and 192.0.2.1:1"
            ),
            (
                [
                    ConnectAttempt(address: v6(1), failure: .networkUnreachable, after: .zero),
                    ConnectAttempt(address: v4(1), failure: .connectionRefused, after: .zero),
                ], nil, "x.example:1",
                "cannot connect to x.example:1: none of its addresses could be reached: "
                    + "[2001::1]:1: the network is unreachable (ENETUNREACH), 192.0.2.1:1: nobody listens there (ECONNREFUSED)"
            ),
            (
                [ConnectAttempt(address: v4(1), failure: nil, after: .seconds(3))], .seconds(3), "192.0.2.1:1",
                "cannot connect to 192.0.2.1:1: no connection within 3 s"
            ),
            (
                [
                    ConnectAttempt(address: v6(1), failure: .networkUnreachable, after: .zero),
                    ConnectAttempt(address: v4(1), failure: nil, after: .seconds(3)),
                ], .seconds(3), "x.example:1",
                "cannot connect to x.example:1: no connection within 3 s; tried "
                    + "[2001::1]:1: the network is unreachable (ENETUNREACH), 192.0.2.1:1: no answer within 3 s"
            ),
        ] as [([ConnectAttempt], Duration?, String, String)])
    func sentences(_ attempts: [ConnectAttempt], _ time: Duration?, _ place: String, _ text: String) {
        let error = SocketError.connecting(to: place, attempts, within: time)
        #expect(error.description == text)
        #expect(error.attempts == attempts)
    }
}
