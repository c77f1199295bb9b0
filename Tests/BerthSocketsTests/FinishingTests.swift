import BerthFraming
import BerthSystem
import Testing

@testable import BerthSockets

@Suite("Finishing")
struct FinishingTests {
    private static let reply = pattern(1_500_000)

    /// A client that never stops to send while it slowly reads the reply. What it got, and how that ended.
    private func conversation(
        _ end: @escaping @Sendable (consuming TCPSocket) -> Void
    ) throws -> (bytes: [UInt8], failure: SocketError?) {
        let pair = try Pair()
        let isDone = Monitor(false)
        let uploader = try Peer(try pair.client.duplicate()) { client in
            let upload = [UInt8](repeating: 0x55, count: 16_384)
            while !isDone.withLock({ $0 }) {
                let failure = socketError { () throws(SocketError) in
                    try client.sendAll(upload, timeout: .perCall(.milliseconds(100)))
                }
                if let failure, !failure.isDeadline { return }
            }
        }
        let server = try Peer(pair.server) { server in
            try server.sendAll(Self.reply)
            end(server)
        }
        let result = pair.client.readAll(pausing: .milliseconds(1), upTo: 16_384)
        isDone.change { $0 = true }
        try uploader.result()
        pair.client.close()
        _ = try? server.result()
        return result
    }

    @Test("finishing delivers every byte of the reply to a client that is still sending")
    func finishLosesNothing() async throws {
        try await onThread {
            for round in 1...8 {
                let result = try conversation { $0.finish(within: .seconds(30), discarding: .unlimited) }
                #expect(result.bytes.count == Self.reply.count, "round \(round)")
                #expect(result.bytes == Self.reply && result.failure == nil)
            }
        }
    }

    @Test("merely closing loses the end of that reply to an RST")
    func closeLoses() async throws {
        try await onThread {
            var lost = 0
            for _ in 1...8 {
                let result = try conversation { $0.close() }
                if result.bytes.count < Self.reply.count { lost += 1 }
                #expect(Self.reply.starts(with: result.bytes))
            }
            #expect(lost > 0)
        }
    }

    @Test("finishing reports that the peer finished, and what was thrown away")
    func peerFinished() async throws {
        try await onThread {
            let pair = try Pair()
            let peer = try Peer(pair.client) { client in
                try client.sendAll("unread")
                return client.readAll().bytes
            }
            try pair.server.waitForInput()
            try pair.server.sendAll("bye")
            let report = pair.server.finish(within: .seconds(20))
            #expect(report == CloseReport(ending: .peerFinished, discarded: 6, unacknowledged: 0))
            #expect(report.isClean)
            #expect(try peer.result() == Array("bye".utf8))
        }
    }

    @Test("finishing what both sides have finished before is a clean end, not a reset", arguments: [true, false])
    func bothFinished(_ serverFirst: Bool) async throws {
        try await onThread {
            let pair = try Pair()
            let server = pair.server
            if serverFirst { try server.shutdown(.writing) }
            try pair.client.sendAll("last")
            pair.client.finish(within: .zero)
            try server.waitForInput()
            if !serverFirst { try server.shutdown(.writing) }
            try server.waitForHangUp()
            let report = server.finish()
            #expect(report == CloseReport(ending: .peerFinished, discarded: 4, unacknowledged: 0))
        }
    }

    @Test("finishing reports that the peer reset")
    func peerReset() async throws {
        try await onThread {
            let pair = try Pair()
            let server = pair.server
            pair.client.abort()
            try server.waitForHangUp()
            let report = server.finish(within: .seconds(20))
            #expect(report.ending == .peerReset && !report.isClean)
        }
    }

    @Test("finishing gives up a peer that does not finish at its time, and tells what it has not acknowledged")
    func timedOut() async throws {
        try await onThread {
            let pair = try Pair(buffers: .kibibytes(16))
            while try pair.server.trySend(Self.reply.span.bytes) != nil {}
            var report: CloseReport?
            let took = duration {
                report = pair.server.lingerUntilPeerFinishes(within: .milliseconds(60), discarding: .kibibytes(64))
            }
            #expect(took >= .milliseconds(60) && took < .seconds(60))
            #expect(report?.ending == .timedOut && report?.discarded == 0 && report?.isClean == false)
            #expect(report.map { $0.unacknowledged > 0 } == true)
            // The kernel counts the FIN behind the data as a byte. It may go on sending between two looks.
            var raw: (before: Int, after: Int)
            var counted: Int
            repeat {
                raw.before = try Kernel.unsentBytes(pair.server.fileDescriptor)
                counted = pair.server.unacknowledgedBytes
                raw.after = try Kernel.unsentBytes(pair.server.fileDescriptor)
            } while raw.before != raw.after
            #expect(counted == raw.before - 1)
        }
    }

    @Test("finishing throws away no more than it was allowed to")
    func discardLimit() async throws {
        try await onThread {
            let pair = try Pair()
            try pair.client.sendAll([UInt8](repeating: 1, count: 200_000))
            let report = pair.server.finish(within: .seconds(20), discarding: .kibibytes(40))
            #expect(report.ending == .discardLimitReached)
            #expect(report.discarded > 40_960 && report.discarded <= 40_960 + 32_768)
        }
    }
}
