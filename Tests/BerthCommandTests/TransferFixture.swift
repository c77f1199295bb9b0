import BerthEngine
import BerthFraming
import BerthServer
import BerthSockets
import BerthSystem
import Glibc
import TestSupport
import Testing

@testable import BerthCommand

/// A directory for the length of a test.
final class TemporaryDirectory: Sendable {
    let path: String

    init() throws {
        var template = Array("/tmp/berth-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Errno(rawValue: errno) }
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    deinit {
        for name in names { _ = remove(file(name)) }
        rmdir(path)
    }

    func file(_ name: String) -> String { "\(path)/\(name)" }

    var names: [String] { ((try? Kernel.names(inDirectory: path)) ?? []).sorted() }

    func write(_ bytes: [UInt8], to name: String) throws {
        let file = try Kernel.open(file(name), [.write, .create, .truncate])
        let result = bytes.withUnsafeBytes { bytes in
            Result { () throws(Errno) in try Kernel.writeAll(file.rawValue, bytes) }
        }
        try result.get()
    }

    func read(_ name: String) throws -> [UInt8] { try Kernel.contents(of: file(name), limit: 1 << 26) }
}

/// Bytes that look like nothing else, the same for the same seed.
func noise(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
    var state = seed
    return (0..<count).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return UInt8(truncatingIfNeeded: state >> 56)
    }
}

/// A running `store` and a place for files to send to it.
struct StoreFixture: Sendable {
    let inbox: TemporaryDirectory
    let outbox: TemporaryDirectory
    let address: SocketAddress
    let events: Monitor<[TransferEvent]>

    /// Sends files from the outbox as `berth send` does, and returns how each went.
    func send(_ names: [String], resume: Bool = false) throws -> [TransferResult] {
        try send(names, resume: resume) { _ in }
    }

    func send(
        _ names: [String], resume: Bool = false, observer: @escaping (TransferEvent) -> Void
    ) throws -> [TransferResult] {
        var results: [TransferResult] = []
        let session = SendingSession(try TCPSocket.connect(to: address), resumes: resume) { event in
            observer(event)
            if case .ended(let result) = event { results.append(result) }
        }
        for name in names where !session.send(try SourceFile(path: outbox.file(name))) { break }
        session.end()
        return results
    }

    /// A sender of the test's own, that may say anything.
    func rawSender() throws -> RawPeer { RawPeer(try TCPSocket.connect(to: address)) }

    /// What the store reported for each file, once `count` sessions have ended.
    func results(afterSessions count: Int = 1) -> [TransferResult] {
        events.wait(until: .after(.seconds(240))) { events in
            let ended = events.count { if case .sessionEnded = $0 { true } else { false } }
            guard ended >= count else { return nil }
            return events.compactMap { event -> TransferResult? in
                if case .ended(let result) = event { result } else { nil }
            }
        } ?? []
    }
}

/// One end of the protocol in the hands of a test.
final class RawPeer {
    let stream: SocketStream

    init(_ socket: consuming TCPSocket) {
        stream = SocketStream(socket, framing: .selfCounting64(maximumFrame: .unlimited))
        stream.readDeadline = .after(.seconds(240))
    }

    func say(_ text: String) throws {
        try stream.writeFrame(text)
        try stream.flush()
    }

    func offer(_ name: String, size: Int, resume: Bool = false) throws {
        try say("berth-file/1 offer\nname: \(name)\nsize: \(size)\nresume: \(resume ? "yes" : "no")\n")
    }

    /// The next message as text; `nil` at the end.
    func hear() throws -> String? {
        guard let frame = try stream.readFrame() else { return nil }
        return try frame.text()
    }
}

/// Runs a `store` for the length of `body`, which runs on a thread of its own and may block.
func withStore(
    overwrite: Bool = false, maximumFile: ByteCount = .unlimited,
    observer: @escaping @Sendable (TransferEvent) -> Void = { _ in },
    _ body: @escaping @Sendable (StoreFixture) throws -> Void
) async throws {
    let inbox = try TemporaryDirectory()
    let outbox = try TemporaryDirectory()
    let store = try Store(directory: inbox.path, overwrite: overwrite, maximumFile: maximumFile)
    let events = Monitor<[TransferEvent]>([])
    let handler: @Sendable () -> StoreHandler = {
        StoreHandler(store) { event in
            observer(event)
            events.change { $0.append(event) }
        }
    }
    // A machine under load may take its time.
    let limits = ServerLimits(idle: .seconds(600), firstByte: nil, frame: nil)
    let configuration = ServerConfiguration(limits: limits)
    try await withServer(on: "127.0.0.1:0", model: .threads, configuration: configuration, handler: handler) { server in
        let fixture = StoreFixture(inbox: inbox, outbox: outbox, address: server.address, events: events)
        try await onOwnThread { try body(fixture) }
    }
}

/// The descriptor of an open file of this process, by the end of its path.
func descriptor(ofFileEndingIn suffix: String) throws -> Int32? {
    try Kernel.names(inDirectory: "/proc/self/fd").compactMap(Int32.init).first {
        (try? Kernel.linkTarget("/proc/self/fd/\($0)"))?.hasSuffix(suffix) == true
    }
}
