import BerthHarbour
import BerthServer
import BerthSockets
import BerthSystem
import TestSupport
import Testing

@Suite("What all workers together allow", .serialized)
struct LimitCommandTests {
    /// Whether a connection is served: its echo comes back.
    private static func isServed(_ harbour: HarbourFixture) -> TCPSocket? {
        guard let socket = try? harbour.connect() else { return nil }
        var memory = [UInt8](repeating: 0, count: 16)
        let descriptor = socket.fileDescriptor
        guard (try? Kernel.wait(for: .readable, on: descriptor, until: .after(.seconds(240))))?.isEmpty == false else {
            return nil
        }
        let count = memory.withUnsafeMutableBytes { (try? unsafe Kernel.receive(descriptor, into: $0)) ?? 0 }
        if count == 5 { return socket }
        return nil
    }

    private static func isServedOnce(_ harbour: HarbourFixture) -> Bool {
        guard let socket = isServed(harbour) else { return false }
        socket.close()
        return true
    }

    private static func count(_ harbour: HarbourFixture, _ name: String) throws -> Int {
        try #require(try harbour.status()["counts"]?[name]?.number)
    }

    @Test("is the maximum of the service, and what a worker held that was killed is free again")
    func killed() async throws {
        try await onOwnThread {
            let harbour = try HarbourFixture(
                ["--service", "echo", "--max-connections", "5", "--refuse"], model: .reusePort(workers: 2))
            var open: [Int32] = []
            var refused = 0
            for _ in 0..<20 {
                if let socket = Self.isServed(harbour) { open.append(socket.detach().release()) } else { refused += 1 }
            }
            #expect(open.count == 5 && refused == 15)
            #expect(try Self.count(harbour, "active") == 5 && Self.count(harbour, "refused") == 15)
            for pid in try harbour.workers() {
                try Kernel.signal(pid, Signal.kill.rawValue)
                #expect(HarbourFixture.waitForEnd(of: pid))
            }
            try harbour.waitForWorkers(2)
            let status = try harbour.status()
            #expect(status["counts"]?["active"]?.number == 0)
            #expect(status["counts"]?["outcomes"]?["lost with its worker"]?.number == 5)
            #expect(try harbour.ask("status").standard.contains("0 of 5 open, 5 accepted, 15 refused\n"))
            #expect(try harbour.ask("status").standard.contains("refused: 15 maximum\n"))
            var again: [Int32] = []
            for _ in 0..<8 {
                if let socket = Self.isServed(harbour) { again.append(socket.detach().release()) }
            }
            #expect(again.count == 5)
            for descriptor in open + again { try? Kernel.close(descriptor) }
            _ = try harbour.service.stop()
        }
    }

    @Test("is shown and changed by berth limit, for all of them at once")
    func changing() async throws {
        try await onOwnThread {
            let harbour = try HarbourFixture(["--service", "echo", "--max-connections", "100", "--refuse"])
            let shown = try harbour.ask("limit")
            #expect(shown.end == .exited(code: 0), "\(shown.error)")
            #expect(
                shown.standard.hasPrefix(
                    """
                    connections:     100
                    of one address:  a quarter of them, any number from this machine
                    accepted:        as they come
                    beyond that:     reset
                    allowed:         everybody
                    denied:          nobody

                    """))
            let changed = try harbour.ask(
                "limit", "--max-connections", "1", "--rate", "50", "--burst", "60", "--deny", "10.0.0.0/8", "--idle",
                "90")
            #expect(changed.standard.contains("connections:     1\n"))
            #expect(changed.standard.contains("accepted:        50 a second, 60 at once\n"))
            #expect(changed.standard.contains("denied:          10.0.0.0/8\n"))
            #expect(changed.standard.contains("idle:            90 s\n"))
            guard let first = Self.isServed(harbour) else { throw StreamError.ended }
            #expect(!Self.isServedOnce(harbour))
            #expect(
                try harbour.ask("limit", "--overload", "wait").standard.contains(
                    "beyond that:     wait in the kernel\n"))
            let queued = try harbour.ask(
                "limit", "--queue", "0.05", "--unread-output", "1000", "--max-frame", "4096")
            #expect(queued.standard.contains("largest frame:   4096 bytes\n"))
            #expect(queued.standard.contains("beyond that:     accepted, and reset after waiting for 50 ms\n"))
            #expect(queued.standard.contains("unread output:   1000 bytes\n"))
            #expect(!Self.isServedOnce(harbour))
            _ = try harbour.ask("limit", "--overload", "refuse")
            _ = try harbour.ask("limit", "--max-connections", "none", "--deny", "127.0.0.0/8")
            #expect(!Self.isServedOnce(harbour))
            _ = try harbour.ask("limit", "--deny", "none")
            #expect(Self.isServedOnce(harbour))
            let refusals = try harbour.status()["counts"]?["refusals"]
            #expect(
                refusals
                    == .fields(["denied": .number(1), "maximum": .number(1), "waited too long": .number(1)]))
            first.close()
            _ = try harbour.service.stop()
        }
    }

    @Test("takes no number that makes no sense")
    func mistakes() async throws {
        try await onOwnThread {
            let harbour = try HarbourFixture()
            #expect(try harbour.ask("limit", "--max-connections", "0").end == .exited(code: 2))
            #expect(try harbour.ask("limit", "--deny", "10.0.0.1/8").end == .exited(code: 2))
            let word = try harbour.ask("limit", "--overload", "panic")
            #expect(word.end == .exited(code: 2) && word.error.contains("'panic' is invalid"))
            let both = try harbour.ask("limit", "--overload", "wait", "--queue", "3")
            #expect(
                both.end == .exited(code: 2)
                    && both.error.contains("--queue is --overload queue with a time, and not --overload wait."))
            _ = try harbour.service.stop()
        }
    }
}
