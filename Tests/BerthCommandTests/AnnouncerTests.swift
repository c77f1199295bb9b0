import BerthEngine
import BerthSockets
import Testing

@testable import BerthCommand

@Suite("berth serve tells")
struct AnnouncerTests {
    private let peer = SocketAddress.ipv4(.loopback, port: 5000)

    @Test("of a handler that blocks its event loop, what follows and what to do")
    func blocks() {
        let id = ConnectionID(number: 3)
        #expect(
            Announcer.blocks(id, peer, for: .seconds(1))
                == "the handler of #3 127.0.0.1:5000 has blocked its event loop for 1 s: the loop's other connections "
                + "wait; await what takes long, or serve with --model threads")
        #expect(
            Announcer.blocked(id, peer, for: .milliseconds(2300))
                == "the handler of #3 127.0.0.1:5000 no longer blocks its event loop, after 2.3 s")
    }

    @Test("that connections wait and none is accepted, and why where it is known")
    func stalled() {
        #expect(
            Announcer.stalled(1, for: .seconds(10), isFull: false)
                == "1 connection waits to be accepted, and none was for 10 s")
        #expect(
            Announcer.stalled(12, for: .seconds(20), isFull: true)
                == "12 connections wait to be accepted, and none was for 20 s: there are as many as there may be "
                + "(--max-connections, --rate, or --refuse)")
    }

    @Test("when it is not known which handler that is")
    func unknown() {
        #expect(
            Announcer.blocked(nil, nil, for: .milliseconds(2300))
                == "what a handler has started no longer blocks its event loop, after 2.3 s")
    }
}
