import BerthSockets
import BerthSystem
import TestSupport
import Testing

@testable import BerthCommand

@Suite struct TransferResumeTests {
    static let content = noise(3_000_001)

    /// A transfer that is cut after `count` bytes.
    static func cut(_ store: StoreFixture, after count: Int) throws {
        let sender = try store.rawSender()
        try sender.offer("big", size: content.count)
        #expect(try sender.hear() == "berth-file/1 accepted\noffset: 0\n")
        try sender.stream.beginFrame(bodyCount: content.count)
        try sender.stream.writeChunk(content.span.bytes.extracting(0..<count))
        try sender.stream.flush()
        sender.stream.close()
        #expect(
            store.results().map(\.outcome) == [
                .failed(
                    "the sender went away after \(Amount.bytes(Int64(count))) of 2.8 MiB; big.part is kept for --resume"
                )
            ])
        #expect(store.inbox.names == ["big.part"])
        try waitUntilUnlocked(store.inbox.file("big.part"))
    }

    /// A child that another test has forked holds the locks of this process until it executes its program.
    private static func waitUntilUnlocked(_ path: String) throws {
        let file = try Kernel.open(path, [.readWrite])
        let patience = Deadline.after(.seconds(240))
        while !patience.hasPassed {
            do throws(Errno) { return try Kernel.lock(file.rawValue) } catch { if error != .wouldBlock { throw error } }
            var nothing: [PollEntry] = []
            _ = try Kernel.poll(&nothing, until: .after(.milliseconds(5)))
        }
    }

    @Test func aCutTransferIsContinuedWhereItEnded() async throws {
        try await withStore { store in
            try Self.cut(store, after: 1_500_000)
            try store.outbox.write(Self.content, to: "big")
            let result = try #require(try store.send(["big"], resume: true).first)
            #expect(result.offset == 1_500_000)
            #expect(result.isStored)
            #expect(try store.inbox.read("big") == Self.content)
            #expect(store.inbox.names == ["big"])
        }
    }

    @Test func aChangedBeginningStartsTheTransferAgainAndSaysSo() async throws {
        try await withStore { store in
            try Self.cut(store, after: 1_500_000)
            let changed = [Self.content[0] ^ 1] + Self.content.dropFirst()
            try store.outbox.write(changed, to: "big")
            var notes: [String?] = []
            let results = try store.send(["big"], resume: true) { event in
                if case .began(_, _, _, let note) = event { notes.append(note) }
            }
            #expect(
                notes == ["what the receiver has is not the beginning of this file; sending it from its beginning"])
            #expect(results.first?.offset == 0)
            #expect(try store.inbox.read("big") == changed)
        }
    }

    @Test func withoutTheWishToResumeATransferStartsAgain() async throws {
        try await withStore { store in
            try Self.cut(store, after: 1_500_000)
            try store.outbox.write(noise(10), to: "big")
            #expect(try store.send(["big"]).first?.offset == 0)
            #expect(try store.inbox.read("big") == noise(10))
        }
    }

    @Test func aPartialFileThatIsLongerThanTheFileIsNotContinued() async throws {
        try await withStore { store in
            try Self.cut(store, after: 1_500_000)
            try store.outbox.write(noise(10), to: "big")
            let result = try #require(try store.send(["big"], resume: true).first)
            #expect(result.isStored && result.offset == 0, "\(result)")
            #expect(try store.inbox.read("big") == noise(10))
        }
    }

    @Test func aPartialFileThatIsCompleteOnlyNeedsItsDigest() async throws {
        try await withStore { store in
            try store.inbox.write(Self.content, to: "big.part")
            try store.outbox.write(Self.content, to: "big")
            let result = try #require(try store.send(["big"], resume: true).first)
            #expect(result.isStored && result.offset == Int64(Self.content.count))
            #expect(store.inbox.names == ["big"])
        }
    }

    @Test func aReceiverThatContinuesUnaskedIsRefused() async throws {
        try await withReceiver { receiver in
            _ = try receiver.hear()
            try receiver.say("berth-file/1 accepted\noffset: 1\nsha256: \(String(repeating: "0", count: 64))\n")
        } send: { outcome in
            #expect(outcome == .failed("the receiver wants to continue at byte 1, which was not offered"))
        }
    }
}
