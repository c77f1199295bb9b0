import TestSupport
import Testing

@testable import BerthSystem

@Suite("Waking a ring's thread", .enabled(if: hasRings, ringsAreMissing))
struct RingWakingTests {
    @Test("a descriptor that another thread makes readable ends the wait, each time")
    func wakeUp() async throws {
        try await onThread {
            var ring = try Ring.small()
            let wakeUp = try WakeUp()
            let fd = wakeUp.descriptor.rawValue
            ring.pollMultishot(fd, .readable, token: 1)
            for _ in 0..<5 {
                try Thread.start(name: "waker") { WakeUp.signal(fd) }
                let found = try ring.wait(for: 1)
                #expect(found.map(\.token) == [1] && found.allSatisfy(\.isMoreToCome))
                #expect(Readiness(rawValue: Int16(try #require(found.first).result)).contains(.readable))
                wakeUp.clear()
            }
            #expect(try ring.submitAndWait(nanoseconds: 0) == 0)
        }
    }

    @Test("a message from another thread's ring arrives, and ends no request")
    func message() async throws {
        try await onThread {
            var ring = try Ring.small()
            let fd = ring.descriptor.rawValue
            let sent = Monitor<Int32?>(nil)
            try Thread.start(name: "sender") {
                let result = Result {
                    var own = try Ring.small()
                    own.messageRing(fd, message: 77, value: 5, token: 1)
                    return try own.wait(token: 1).result
                }
                sent.change { $0 = (try? result.get()) ?? .min }
            }
            let found = try ring.wait(for: 1)
            #expect(found.map(\.token) == [77] && found.map(\.result) == [5])
            #expect(ring.inFlightCount == 0)
            #expect(sent.wait(until: .after(ringTestLimit)) { $0 } == 0)
        }
    }
}
