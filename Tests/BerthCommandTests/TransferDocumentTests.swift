import BerthSockets
import BerthSystem
import TestSupport
import Testing

@testable import BerthCommand

/// The programs of docs/file-transfer.md, run against ours: the page is the protocol.
@Suite struct TransferDocumentTests {
    /// The Python programs of the page, in their order.
    static func programs() throws -> [String] {
        let root = #filePath.split(separator: "/").dropLast(3).reduce("") { "\($0)/\($1)" }
        let page = String(decoding: try Kernel.contents(of: "\(root)/docs/file-transfer.md"), as: UTF8.self)
        var programs: [String] = []
        var current: [Substring]?
        for line in page.split(separator: "\n", omittingEmptySubsequences: false) {
            if line == "```python" {
                current = []
            } else if line == "```", let lines = current {
                programs.append(lines.joined(separator: "\n"))
                current = nil
            } else {
                current?.append(line)
            }
        }
        return programs
    }

    @Test func theSenderOfThePageSendsToTheStore() async throws {
        let program = try #require(try Self.programs().first)
        try await withStore { store in
            try store.outbox.write(noise(300_000), to: "from-python")
            let port = try #require(store.address.port)
            let sender = try Program.python(program, store.outbox.file("from-python"), "127.0.0.1", "\(port)")
            let said = try sender.end()
            #expect(said.standard.hasPrefix("stored {'sha256': '"), "\(said.error)")
            #expect(try store.inbox.read("from-python") == noise(300_000))
        }
    }

    @Test func theReceiverOfThePageTakesWhatBerthSends() async throws {
        let program = try #require(try Self.programs().last)
        try await onOwnThread {
            let (inbox, outbox) = (try TemporaryDirectory(), try TemporaryDirectory())
            try outbox.write(noise(300_000), to: "to-python")
            let receiver = try Program(
                "sh", ["-c", #"cd "$1" && exec python3 -c "$2""#, "sh", inbox.path, program])
            let port = try #require(receiver.line(containing: "", on: .standard))
            let sent = try berth("send", outbox.file("to-python"), "127.0.0.1:\(port)")
            #expect(sent.end == .exited(code: 0), "\(sent.error)")
            #expect(try receiver.end().end == .exited(code: 0))
            #expect(try inbox.read("to-python") == noise(300_000))
        }
    }
}
