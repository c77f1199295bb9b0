import BerthSockets
import BerthSystem
import TestSupport
import Testing

@testable import BerthCommand

@Suite struct TransferRoundTripTests {
    @Test func filesOfEverySizeArriveAsTheyWereSentOnOneConnection() async throws {
        try await withStore { store in
            let sizes = [0, 1, 7, 4095, 32_768, 32_769, 1_000_003, 5_000_001]
            for size in sizes { try store.outbox.write(noise(size, seed: UInt64(size)), to: "file\(size)") }
            let results = try store.send(sizes.map { "file\($0)" })
            #expect(results.count == sizes.count)
            for (size, result) in zip(sizes, results) {
                #expect(result.isStored, "\(result.text("sent"))")
                #expect(try store.inbox.read("file\(size)") == noise(size, seed: UInt64(size)))
            }
            #expect(store.results().map(\.outcome) == results.map(\.outcome))
            #expect(store.inbox.names == sizes.map { "file\($0)" }.sorted(), "no .part is left")
        }
    }

    @Test func theDigestIsThatOfSha256sum() async throws {
        try await withStore { store in
            try store.outbox.write(Array("abc".utf8), to: "abc.txt")
            let result = try #require(try store.send(["abc.txt"]).first)
            // FIPS 180-4, the example "abc".
            let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
            #expect(result.outcome == .stored(try #require(FileDigest(hexadecimal: digest))))
        }
    }

    @Test func aNameMayHoldSpacesAndAnyLetters() async throws {
        try await withStore { store in
            for name in [" leading and trailing ", "Grüße: 2026.txt", "日本語"] {
                try store.outbox.write(Array(name.utf8), to: name)
                #expect(try store.send([name]).first?.isStored == true)
                #expect(try store.inbox.read(name) == Array(name.utf8))
            }
        }
    }

    @Test func aRefusedFileDoesNotKeepTheNextOneFromBeingSent() async throws {
        try await withStore { store in
            try store.inbox.write([1], to: "first")
            for name in ["first", "second"] { try store.outbox.write([2], to: name) }
            let results = try store.send(["first", "second"])
            #expect(
                results.map { $0.text("sent").split(separator: " in ")[0].prefix { $0 != "," } } == [
                    "first: not sent: the receiver refused it: the file exists already; "
                        + "--overwrite on the receiving side replaces it",
                    "second: sent 1 byte",
                ])
            #expect(try store.inbox.read("first") == [1])
            #expect(try store.inbox.read("second") == [2])
        }
    }

    @Test func overwritingReplacesAFileAndALinkButNotWhatTheLinkPointsTo() async throws {
        try await withStore(overwrite: true) { store in
            try store.inbox.write([1], to: "plain")
            try store.outbox.write([1], to: "precious")
            _ = try #require(try? run("ln", ["-s", store.outbox.file("precious"), store.inbox.file("link")]))
            for name in ["plain", "link"] { try store.outbox.write([2], to: name) }
            #expect(try store.send(["plain", "link"]).allSatisfy(\.isStored))
            #expect(try store.inbox.read("plain") == [2])
            #expect(try store.inbox.read("link") == [2])
            #expect(try store.outbox.read("precious") == [1])
        }
    }
}
