import BerthSystem
import TestSupport
import Testing

@testable import BerthCommand

/// `berth send` and `berth receive` as programs.
@Suite struct TransferCommandTests {
    @Test func whatIsSentIsReceivedAndBothEndWell() async throws {
        try await onOwnThread {
            let (inbox, outbox) = (try TemporaryDirectory(), try TemporaryDirectory())
            try outbox.write(noise(100_000), to: "one")
            try outbox.write([], to: "two")
            let receiver = try Program.berth("receive", "127.0.0.1:0", "--directory", inbox.path, "--json")
            let address = try #require(receiver.listeningAddress())
            let sent = try berth("send", outbox.file("one"), outbox.file("two"), address)
            let received = try receiver.end()
            #expect(sent.end == .exited(code: 0))
            #expect(sent.standard.hasPrefix("one: sent 97.6 KiB in "))
            #expect(sent.error == "", "no progress but on a terminal")
            #expect(received.end == .exited(code: 0))
            #expect(received.standard.split(separator: "\n").count == 2)
            #expect(received.standard.hasPrefix(#"{"version":1,"name":"one","size":100000,"offset":0,"#))
            #expect(
                received.error
                    == "receiving on \(address) into \(inbox.path)\ntry: berth send FILE \(address)\n")
            #expect(try inbox.read("one") == noise(100_000))
        }
    }

    @Test func aFileThatFailsMakesTheExitCodeOneOnBothSides() async throws {
        try await onOwnThread {
            let (inbox, outbox) = (try TemporaryDirectory(), try TemporaryDirectory())
            try outbox.write([1], to: "one")
            try inbox.write([2], to: "one")
            let receiver = try Program.berth("receive", "127.0.0.1:0", "--directory", inbox.path)
            let sent = try berth("send", outbox.file("one"), try #require(receiver.listeningAddress()))
            let reason = "the file exists already; --overwrite on the receiving side replaces it"
            #expect(sent.end == .exited(code: 1))
            #expect(sent.error == "one: not sent: the receiver refused it: \(reason)\n")
            let received = try receiver.end()
            #expect(received.end == .exited(code: 1))
            #expect(received.error.hasSuffix("one: not received: \(reason)\n"))
        }
    }

    @Test func wrongArgumentsHaveTheExitCodeTwo() async throws {
        try await onOwnThread {
            let wrong = [
                ["send"], ["send", "file"], ["send", "a", "b"], ["send", "a", "b", ":1", "--name", "x"],
                ["send", "a", ":1", "--name", "../x"], ["send", "a", ":0"], ["receive", "nonsense"],
                ["receive", "--max-file", "many"],
            ]
            for arguments in wrong {
                let result = try run(try Program.buildDirectory() + "/berth", arguments)
                #expect(result.end == .exited(code: 2), "\(arguments): \(result.error)")
            }
        }
    }

    @Test func aMissingFileOrReceiverHasTheExitCodeOne() async throws {
        try await onOwnThread {
            let outbox = try TemporaryDirectory()
            let missing = try berth("send", outbox.file("none"), ":1")
            #expect(missing.end == .exited(code: 1))
            #expect(
                missing.error == "\(outbox.file("none")): not sent: cannot open \"\(outbox.file("none"))\": "
                    + "there is no such file or directory (ENOENT)\n")
            let directory = try berth("receive", "127.0.0.1:0", "--directory", outbox.file("none"))
            #expect(directory.end == .exited(code: 1))
            #expect(
                directory.error == "berth: cannot open the directory \"\(outbox.file("none"))\": "
                    + "there is no such file or directory (ENOENT)\n")
        }
    }
}
