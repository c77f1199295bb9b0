import BerthFraming
import BerthSockets
import BerthSystem
import TestSupport
import Testing

@testable import BerthCommand

/// What a sender can try, and what the store makes of it.
@Suite struct TransferHostilityTests {
    @Test func namesThatAreNotPlainAreRefusedAndTheSessionGoesOn() async throws {
        let long = String(repeating: "x", count: 251)
        let names = [
            ("", "the name is empty"),
            ("..", #"the name ".." begins with a dot"#),
            (".bashrc", #"the name ".bashrc" begins with a dot"#),
            ("../up", #"the name "../up" is a path: it holds a slash"#),
            ("/etc/passwd", #"the name "/etc/passwd" is a path: it holds a slash"#),
            ("a/b", #"the name "a/b" is a path: it holds a slash"#),
            ("x.part", #"the name "x.part" ends in .part, as unfinished transfers do"#),
            (long, "the name has 251 bytes, above the limit of 250"),
        ]
        try await withStore { store in
            let sender = try store.rawSender()
            for (name, reason) in names {
                try sender.offer(name, size: 1)
                #expect(try sender.hear() == "berth-file/1 refused\nreason: \(reason)\n")
            }
            try sender.offer("plain", size: 1)
            #expect(try sender.hear() == "berth-file/1 accepted\noffset: 0\n")
            sender.stream.close()
            #expect(store.results().count == names.count + 1)
            #expect(store.inbox.names == [])
        }
    }

    @Test func aSymbolicLinkIsNeverFollowed() async throws {
        try await withStore { store in
            try store.outbox.write([1], to: "target")
            for name in ["a.part", "b"] {
                _ = try run("ln", ["-s", store.outbox.file("target"), store.inbox.file(name)])
            }
            let sender = try store.rawSender()
            try sender.offer("a", size: 5)
            #expect(try sender.hear() == "berth-file/1 refused\nreason: a.part exists and is a symbolic link\n")
            try sender.offer("b", size: 5)
            #expect(
                try sender.hear() == "berth-file/1 refused\nreason: the file exists already; "
                    + "--overwrite on the receiving side replaces it\n")
            #expect(try store.outbox.read("target") == [1])
        }
    }

    @Test func aWrongDigestLeavesNothing() async throws {
        try await withStore { store in
            let sender = try store.rawSender()
            try sender.offer("file", size: 3)
            _ = try sender.hear()
            try sender.say("abc")
            try sender.say("berth-file/1 digest\nsha256: \(String(repeating: "0", count: 64))\n")
            #expect(
                try sender.hear() == "berth-file/1 failed\n"
                    + "reason: what arrived is not what was sent (the SHA-256 differs); it was thrown away\n")
            #expect(store.inbox.names == [])
        }
    }

    @Test func aFileAboveTheLimitOrTheRoomIsRefused() async throws {
        try await withStore(maximumFile: .kibibytes(1)) { store in
            let sender = try store.rawSender()
            try sender.offer("big", size: 1025)
            #expect(
                try sender.hear()
                    == "berth-file/1 refused\nreason: the file has 1.0 KiB, above the limit of 1 KiB\n")
        }
        try await withStore { store in
            let sender = try store.rawSender()
            try sender.offer("big", size: .max - 8)
            let answer = try #require(try sender.hear())
            #expect(
                answer.hasPrefix(
                    "berth-file/1 refused\nreason: there is no room for it: 8191 PiB are needed, "))
            #expect(store.inbox.names == [])
        }
    }

    @Test(arguments: [
        ("hello\n", #"its message does not begin with "berth-file/1""#),
        ("berth-file/2 offer\n", #"it speaks "berth-file/2""#),
        ("berth-file/1 offer\nname: x\n", #"its message has no "size""#),
        ("berth-file/1 offer\nname: x\nsize: -1\n", #"its "size" is not a number from 0 to 9223372036854775799"#),
        ("berth-file/1 offer\nname: x\nname: y\nsize: 1\n", #"it says "name" twice"#),
        ("berth-file/1 offer\nname x\n", #"the line "name x" is not of the form "key: value""#),
        ("berth-file/1 offer\nname: \u{1B}[2J\nsize: 1\n", "its message holds control characters"),
        ("berth-file/1 offer\nname: x\nsize: 1\nresume: perhaps\n", #"its "resume" is neither yes nor no"#),
        ("berth-file/1 sing\n", #""sing" is not a message"#),
    ])
    func aMessageThatIsNoneEndsTheSessionWithOneSentence(_ text: String, _ sentence: String) async throws {
        try await withStore { store in
            let sender = try store.rawSender()
            try sender.say(text)
            #expect(
                try sender.hear() == "berth-file/1 failed\nreason: the peer does not speak berth-file/1: \(sentence)\n")
            #expect(try sender.hear() == nil)
        }
    }

    @Test func aMessageOutOfTurnEndsTheSession() async throws {
        try await withStore { store in
            let sender = try store.rawSender()
            try sender.say("berth-file/1 withdrawn\nreason: so\n")
            #expect(
                try sender.hear()
                    == "berth-file/1 failed\nreason: the sender said \"withdrawn\" where \"offer\" was due\n")
        }
    }

    @Test func anotherProtocolIsToldSo() async throws {
        try await withStore { store in
            let sender = try store.rawSender()
            try sender.stream.write("GET / HTTP/1.1\r\n\r\n")
            try sender.stream.flush()
            let answer = try #require(try sender.hear())
            #expect(answer.contains(#"its length prefix reads as the text "GET / HT": the peer may speak another"#))
        }
    }

    @Test func dataOfAnotherLengthThanPromisedEndsTheSession() async throws {
        try await withStore { store in
            let sender = try store.rawSender()
            try sender.offer("file", size: 3)
            _ = try sender.hear()
            try sender.say("ab")
            #expect(
                try sender.hear()
                    == "berth-file/1 failed\nreason: the sender began to send 2 bytes in place of 3 or 3\n")
            sender.stream.close()
            #expect(store.results().count == 1)
            #expect(store.inbox.names == [])
        }
    }

    @Test func twoSendersOfOneNameDoNotMix() async throws {
        try await withStore { store in
            let first = try store.rawSender()
            try first.offer("file", size: 3)
            _ = try first.hear()
            let second = try store.rawSender()
            try second.offer("file", size: 4)
            #expect(
                try second.hear() == "berth-file/1 refused\nreason: another sender is sending a file of this name\n")
            try first.say("abc")
            try first.say("berth-file/1 digest\nsha256: \(FileDigestTests.abc)\n")
            #expect(try first.hear() == "berth-file/1 stored\nsha256: \(FileDigestTests.abc)\n")
            #expect(try store.inbox.read("file") == Array("abc".utf8))
        }
    }

    @Test func aNameThatIsTakenDuringTheTransferIsNotReplaced() async throws {
        try await withStore { store in
            let sender = try store.rawSender()
            try sender.offer("file", size: 3)
            _ = try sender.hear()
            try store.inbox.write([7], to: "file")
            try sender.say("abc")
            try sender.say("berth-file/1 digest\nsha256: \(FileDigestTests.abc)\n")
            #expect(
                try sender.hear()
                    == "berth-file/1 failed\nreason: a file of this name was made meanwhile; file.part is kept\n")
            #expect(try store.inbox.read("file") == [7])
        }
    }
}

@Suite struct FileDigestTests {
    static let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

    @Test func onlySixtyFourHexadecimalDigitsAreADigest() {
        #expect(FileDigest(hexadecimal: Self.abc)?.description == Self.abc)
        #expect(FileDigest(hexadecimal: Self.abc.uppercased())?.description == Self.abc)
        #expect(FileDigest(hexadecimal: String(Self.abc.dropLast())) == nil)
        #expect(FileDigest(hexadecimal: "g" + Self.abc.dropFirst()) == nil)
    }
}
