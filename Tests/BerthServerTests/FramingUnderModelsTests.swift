import Berth
import BerthFraming
import TestSupport
import Testing

@Suite("The same handler under every model and every framing")
struct FramingUnderModelsTests {
    /// A framing, frames that it can carry, and what it makes of half a frame.
    struct Subject: Sendable, CustomTestStringConvertible {
        let framing: Framing
        var frames = ["a", "", "hello, world", "a\u{0}é\u{7F}", String(repeating: "x", count: 70)].map(
            Frame.init(text:))
        /// Whether the end of the stream ends a frame too, so that there is no half of one.
        var endsWithStream = false

        var testDescription: String { framing.description }

        /// The bytes of each frame on the wire.
        func encoded() throws -> [[UInt8]] {
            var codec = framing
            return try frames.map { frame in
                var queue = ByteQueue()
                try codec.encode(frame, into: &queue)
                return Array(copying: queue.bytes)
            }
        }

        static let all: [Subject] =
            [Framing.selfCounting64]
            .map { Subject(framing: $0) }
            + LengthPrefix.Width.allCases.flatMap { width in
                LengthPrefix.Endian.allCases.flatMap { endian in
                    LengthPrefix.Counts.allCases.map { counts in
                        Subject(
                            framing: .lengthPrefix(
                                bytes: width, endian: endian, counts: counts, maximumFrame: .bytes(80)))
                    }
                }
            }
            + [
                Subject(
                    framing: .lines,
                    frames: ["a", "", "hello, world", "é\u{7F}", String(repeating: "x", count: 70)]
                        .map(Frame.init(text:)), endsWithStream: true),
                Subject(framing: .delimiter("END")), Subject(framing: .delimiter("\r\n.\r\n")),
                Subject(framing: .fixedLength(.bytes(3)), frames: ["abc", "\u{0}é", "xyz"].map(Frame.init(text:))),
                Subject(
                    framing: .headers,
                    frames: [
                        Frame(head: Array("Content-Length: 5\r\n".utf8), body: Array("hello".utf8)),
                        Frame(head: Array("A: 1\r\ncontent-LENGTH:0\r\n".utf8), body: []),
                        Frame(head: Array("Content-Length: 4\r\n".utf8), body: Array("\r\n\r\n".utf8)),
                    ]),
                Subject(framing: .raw, frames: ["a", "hello, world"].map(Frame.init(text:)), endsWithStream: true),
                Subject(framing: .untilClose(), frames: [Frame(text: "hello, world")], endsWithStream: true),
            ]
    }

    /// How the bytes of the frames come.
    enum Delivery: CaseIterable {
        /// Each frame after the answer to the one before.
        case inTurn
        case byteByByte
        case inOneSegment
        /// All at once, and half of another one before the end.
        case cutShort
    }

    @Test("gives every frame back, however it comes and is taken", arguments: TestModels.all, Subject.all)
    func echo(model: ConcurrencyModel, subject: Subject) async throws {
        let log = EventLog()
        let deliveries = Delivery.allCases.filter { !(subject.endsWithStream && $0 == .cutShort) }
        try await withServer(
            on: loopback, model: model, configuration: .test(framing: subject.framing, log), handler: { FrameEcho() }
        ) { server in
            try await onOwnThread {
                for delivery in deliveries {
                    for way in FrameEcho.Way.allCases {
                        try Self.deliver(subject, delivery, to: server.address, "\(delivery), \(way)")
                    }
                }
                let outcomes = log.outcomes(deliveries.count * FrameEcho.Way.allCases.count).map(\.kind)
                let isCut = deliveries.contains(.cutShort)
                #expect(outcomes.filter { $0 == .protocolError }.count == (isCut ? FrameEcho.Way.allCases.count : 0))
                #expect(outcomes.allSatisfy { $0 == .peerFinished || $0 == .protocolError })
            }
        }
    }

    /// Sends the frames of `subject`, and expects the same bytes and then the end.
    static func deliver(
        _ subject: Subject, _ delivery: Delivery, to server: SocketAddress, _ situation: String
    ) throws {
        let frames = try subject.encoded()
        let stream = SocketStream(try TCPSocket.connect(to: Endpoint(server), within: .seconds(60)), framing: .raw)
        stream.readDeadline = .after(.seconds(240))
        var rest = frames.flatMap { $0 }
        switch delivery {
        case .inTurn:
            for frame in frames {
                try stream.write(frame)
                try stream.flush()
                // Until the end there is no frame.
                if subject.framing.description == Framing.untilClose().description { continue }
                #expect(try stream.readExactly(frame.count) == frame, "\(situation)")
                rest.removeFirst(frame.count)
            }
        case .byteByByte:
            for byte in rest {
                try stream.write([byte])
                try stream.flush()
            }
        case .inOneSegment: try stream.write(rest)
        case .cutShort:
            try stream.write(rest)
            try stream.write(Array((frames.first ?? []).dropLast()))
        }
        try stream.finishSending()
        #expect(try stream.readToEnd() == rest, "\(situation)")
        stream.close()
    }
}
