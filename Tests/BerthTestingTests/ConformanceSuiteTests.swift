import Berth
import BerthTesting
import Testing

@testable import BerthServer

/// That the suites let through what is right is shown by those that use them; here, that they find what is wrong.
@Suite("The conformance suites", .timeLimit(.minutes(5)))
struct ConformanceSuiteTests {
    /// A codec of one byte of length, with one mistake.
    private struct Mistaken: FrameCodec {
        enum Mistake: CaseIterable {
            case none, losesEmpty, wantsWhatIsThere, trustsTheEnd, consumesTooLittle, forgetsItsError,
                chunksWithoutBegin
        }
        let mistake: Mistake
        var left: Int?
        var failed: FramingError?

        init(_ mistake: Mistake) { self.mistake = mistake }

        private mutating func fail(_ input: RawSpan) throws(FramingError) {
            if input.byteCount > 0, input.unsafeLoad(as: UInt8.self) > 100 {
                failed = FramingError(.custom("the length is above 100"))
            }
            if let failed { throw failed }
        }

        mutating func decode(_ input: RawSpan, atEnd: Bool) throws(FramingError) -> FrameStep {
            if let failed, mistake != .forgetsItsError { throw failed }
            if mistake == .forgetsItsError { failed = nil }
            if input.isEmpty { return atEnd ? .end : .needsMore(1) }
            try fail(input)
            let length = Int(input.unsafeLoad(as: UInt8.self))
            if input.byteCount < length + 1 {
                if atEnd, mistake == .trustsTheEnd {
                    return .frame(FrameExtent(body: 1..<input.byteCount, consumed: input.byteCount))
                }
                if atEnd {
                    failed = FramingError(.truncated(have: input.byteCount, need: length + 1))
                    try fail(RawSpan())
                }
                return .needsMore(mistake == .wantsWhatIsThere ? 1 : length + 1)
            }
            if length == 0, mistake == .losesEmpty { return .needsMore(input.byteCount + 1) }
            return .frame(
                FrameExtent(body: 1..<length + 1, consumed: mistake == .consumesTooLittle ? length : length + 1))
        }

        mutating func decodePart(_ input: RawSpan, atEnd: Bool) throws(FramingError) -> FramePart {
            if let failed { throw failed }
            guard let left else {
                switch try decode(input, atEnd: atEnd) {
                case .needsMore(let count): return .needsMore(count)
                case .end: return .end
                case .frame(let extent):
                    if mistake == .chunksWithoutBegin { return .chunk(0..<1, consumed: 1) }
                    self.left = extent.body.count
                    return .begin(head: 0..<0, bodyCount: extent.body.count, consumed: 1)
                }
            }
            if left == 0 {
                self.left = nil
                return .finish(consumed: 0)
            }
            self.left = 0
            return .chunk(0..<left, consumed: left)
        }

        mutating func encodeBegin(head: RawSpan, bodyCount: Int?, into output: inout ByteQueue) throws(FramingError) {
            output.append([UInt8(bodyCount ?? 0)].span.bytes)
        }
        mutating func encodeChunk(_ chunk: RawSpan) throws(FramingError) {}
        mutating func encodeEnd(into output: inout ByteQueue) throws(FramingError) {}
    }

    @Test("find each mistake of a codec, and none where there is none", arguments: Mistaken.Mistake.allCases)
    private func codec(mistake: Mistaken.Mistake) {
        let frames = ["", "a", "hello"].map(Frame.init(text:))
        let violations = CodecConformance(Mistaken(mistake), frames: frames).violations()
        #expect(violations.isEmpty == (mistake == .none), "\(violations)")
        #expect(violations.count <= 21)
        #expect(violations.prefix(20).allSatisfy { $0.count > 10 })
    }

    private static let exchanges = [
        HandlerConformance.Exchange("a\nb\n", "a\nb\n"), .init("", ""),
        .init("one without an end", "one without an end\n"),
    ]
    private static let models: [ConcurrencyModel] = [.eventLoops(loops: 1, io: .epoll), .threads]
    private static let configuration = ServerConfiguration(framing: .lines, limits: ServerLimits(idle: .seconds(1)))

    private struct LineEcho: ConnectionHandler {
        mutating func handle(_ connection: Connection) async throws {
            for try await line in connection.lines { try await connection.write(line + "\n") }
        }
    }

    private struct FirstLineOnly: ConnectionHandler {
        mutating func handle(_ connection: Connection) async throws {
            if let line = try await connection.readLine() { try await connection.write(line + "\n") }
        }
    }

    @Test("let a handler pass that is right")
    func goodHandler() async {
        let suite = HandlerConformance(
            exchanges: Self.exchanges, configuration: Self.configuration, models: Self.models
        ) { LineEcho() }
        #expect(await suite.violations() == [])
    }

    @Test("find a handler that answers only the first line")
    func badHandler() async {
        let suite = HandlerConformance(
            exchanges: [.init("a\nb\n", "a\nb\n")], configuration: Self.configuration, models: [.threads]
        ) { FirstLineOnly() }
        let violations = await suite.violations()
        #expect(
            violations.first?.hasPrefix(
                "under threads: the request \"a\nb\n\" got \"a\n\" in place of \"a\nb\n\": the peer ")
                == true, "\(violations)")
    }

    @Test("count the events of connections, and find those that do not add up")
    func counter() {
        let counter = EventCounter()
        let peer = SocketAddress.ipv4(.loopback, port: 1)
        counter.observe(.accepted(ConnectionID(number: 1), peer: peer))
        counter.observe(.ended(ConnectionID(number: 2), peer: peer, ConnectionEnd(outcome: .finished)))
        counter.observe(.accepted(ConnectionID(number: 1), peer: peer))
        #expect(counter.violations == ["#2 ended, and was not there: the service finished", "#1 was accepted twice"])
        let cut = CutConnection(
            number: 1, peer: peer, age: .seconds(1), activity: .ownWork, end: .handlerGoesOn)
        counter.observe(.stopped(StopReport(active: 1, cut: [cut])))
        #expect(
            counter.violations.dropFirst(2) == [
                "#1 has no outcome", "1 connections had to be cut at the end",
                "#1 127.0.0.1:1 was reset, and its handler goes on, after 1 s: its handler was busy with something else",
            ])
        #expect((counter.accepted, counter.ended, counter.refused) == (2, 1, 0))
    }

    @Test("the figures of a process are there, and count what it opens")
    func figures() throws {
        let before = try #require(ProcessFigures())
        #expect(before.residentBytes > 1 << 20)
        #expect(before.threads >= 1)
        #expect(ProcessFigures(of: 1 << 30) == nil)
        let parent = try #require(ProcessFigures(of: 1))
        #expect(parent.threads >= 1)
    }
}
