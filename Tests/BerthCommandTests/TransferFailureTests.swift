import BerthSockets
import BerthSystem
import Glibc
import TestSupport
import Testing

@testable import BerthCommand

/// What goes wrong with disks, files and peers: one sentence each.
@Suite struct TransferFailureTests {
    /// Makes a system call on the file that is being received fail.
    static func fault(_ call: Syscall, _ errno: Errno, after: Int = 0) -> @Sendable (TransferEvent) -> Void {
        { event in
            guard case .began(let name, _, _, _) = event else { return }
            // The observer runs while the file is open and before anything is written.
            if let file = try? descriptor(ofFileEndingIn: "/\(name).part") {
                SyscallFaults.inject(call, on: file, after: after, .fail(errno))
            }
        }
    }

    @Test func aFullDiskEndsTheTransferOnBothSidesAndKeepsWhatThereIs() async throws {
        try await withStore(observer: Self.fault(.write, .noSpaceOnDevice, after: 2)) { store in
            // Far more than the buffers of the sockets hold: the sender is told in the middle of its data.
            try store.outbox.write([UInt8](repeating: 7, count: 40_000_000), to: "disk-full")
            let sentence = "cannot write disk-full.part: no space is left on the device (ENOSPC)"
            #expect(
                try store.send(["disk-full"]).map(\.outcome)
                    == [.failed("the receiver could not store it: \(sentence)")])
            #expect(store.results().map(\.outcome) == [.failed(sentence)])
            #expect(store.inbox.names == ["disk-full.part"])
        }
    }

    @Test func aFileThatCannotReachTheDiskIsNotCalledStored() async throws {
        try await withStore(observer: Self.fault(.synchronise, .ioError)) { store in
            try store.outbox.write(noise(1000), to: "sync-fails")
            #expect(
                try store.send(["sync-fails"]).map(\.outcome) == [
                    .failed(
                        "the receiver could not store it: cannot write sync-fails.part: "
                            + "the device reported an input or output error (EIO)")
                ])
            #expect(store.inbox.names == ["sync-fails.part"])
        }
    }

    @Test func aFileThatGrowsWhileItIsSentIsWithdrawn() async throws {
        try await withStore { store in
            try store.outbox.write(noise(1000), to: "log")
            let path = store.outbox.file("log")
            let results = try store.send(["log"]) { event in
                if case .began = event { _ = path.withCString { truncate($0, 1001) } }
            }
            let sentence = "the file changed while it was sent: it had 1000 bytes and has 1001 now"
            #expect(results.map(\.outcome) == [.failed(sentence)])
            #expect(store.results().map(\.outcome) == [.failed("the sender withdrew it: \(sentence)")])
            #expect(store.inbox.names == ["log.part"])
        }
    }

    @Test func aFileThatShrinksWhileItIsSentIsNotStored() async throws {
        try await withStore { store in
            try store.outbox.write(noise(1000), to: "log")
            let path = store.outbox.file("log")
            let results = try store.send(["log"]) { event in
                if case .began = event { _ = path.withCString { truncate($0, 10) } }
            }
            #expect(results.map(\.outcome) == [.failed("the file ended at byte 10 while it was sent")])
            #expect(
                store.results().map(\.outcome)
                    == [.failed("the sender went away after 10 bytes of 1000 bytes; log.part is kept for --resume")])
        }
    }

    @Test func aReceiverThatGoesAwayIsNamedWithWhatItHadTaken() async throws {
        try await withReceiver { receiver in
            _ = try receiver.hear()
            try receiver.say("berth-file/1 accepted\noffset: 0\n")
            _ = try receiver.stream.readExactly(100)
            receiver.stream.abort()
        } send: { outcome in
            guard case .failed(let sentence) = outcome else {
                Issue.record("the file was stored")
                return
            }
            #expect(sentence.hasPrefix("the receiver went away after "))
            #expect(sentence.contains(" of 38.1 MiB"))
        }
    }

    @Test func aReceiverThatSaysNothingSensibleIsQuoted() async throws {
        try await withReceiver { receiver in
            _ = try receiver.hear()
            try receiver.say("berth-file/1 stored\nsha256: \(FileDigestTests.abc)\n")
        } send: { outcome in
            #expect(outcome == .failed("the receiver said \"stored\" where \"accepted\" was due"))
        }
    }

    @Test func whatIsNoRegularFileIsNotSent() throws {
        let directory = try TemporaryDirectory()
        _ = directory.file("pipe").withCString { mkfifo($0, 0o600) }
        let sentences = [
            (directory.path, "\"\(directory.path)\" is a directory: send its files, or an archive of it"),
            (directory.file("pipe"), "\"\(directory.file("pipe"))\" is not a regular file"),
            (
                directory.file("none"),
                "cannot open \"\(directory.file("none"))\": there is no such file or directory (ENOENT)"
            ),
            (
                "-",
                "standard input has no size that could be announced: write it to a file first, or send it with "
                    + "`berth connect`"
            ),
        ]
        for (path, sentence) in sentences {
            #expect { try SourceFile(path: path) } throws: { "\($0)" == sentence }
        }
    }
}

/// Sends 40 MB to a receiver of the test's own, and hands on how that went.
func withReceiver(
    _ receive: @escaping @Sendable (RawPeer) throws -> Void,
    send check: @escaping @Sendable (TransferResult.Outcome) throws -> Void
) async throws {
    try await onOwnThread {
        let outbox = try TemporaryDirectory()
        try outbox.write([UInt8](repeating: 7, count: 40_000_000), to: "file")
        let listener = try TCPListener.listen(on: "127.0.0.1:0")
        let address = listener.address
        let outcome = Monitor<TransferResult.Outcome?>(nil)
        try Thread.start(name: "sender") {
            let observer: (TransferEvent) -> Void = { event in
                if case .ended(let result) = event { outcome.change { $0 = result.outcome } }
            }
            guard let socket = try? TCPSocket.connect(to: address),
                let source = try? SourceFile(path: outbox.file("file"))
            else { return outcome.change { $0 = .failed("the test's sender could not start") } }
            let session = SendingSession(socket, resumes: false, observer: observer)
            _ = session.send(source)
            session.end()
        }
        try receive(RawPeer(try listener.accept()))
        try check(try #require(outcome.wait(until: .after(.seconds(240))) { $0 }))
    }
}
