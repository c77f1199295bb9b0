public import BerthFraming

/// What every ``FrameCodec`` has to hold to, whatever its protocol: run it on a codec of your own.
///
/// ```swift
/// let codec = CodecConformance(MyCodec(), frames: [Frame(text: ""), Frame(text: "hello")])
/// #expect(codec.violations() == [])          // Swift Testing
/// XCTAssertEqual(codec.violations(), [])     // XCTest
/// ```
///
/// The frames are encoded, whole and in pieces, and decoded from every cut of the stream there is, whole and streamed, by a
/// caller that asks after each byte and by one that waits for as many as the codec needs. Checked is that
///
/// - what was encoded comes back, and encoding in pieces yields the same bytes;
/// - a stream that ends within a frame yields the frames before, and then ``FramingError/Code/truncated(have:need:)`` or what
///   `deliversTail` says, never a wrong frame;
/// - bytes without a meaning, and streams that were damaged, never make it trap, and are the same however they arrive;
/// - offsets lie within the input, there is progress, a wish for more is more than there is, and an error stays.
///
/// Streams of more than 512 bytes are cut at 512 places, chosen by the seed.
public struct CodecConformance<Codec: FrameCodec>: Sendable {
    /// The codec, in its state at the beginning of a stream.
    public var codec: Codec
    /// Frames that survive encoding and decoding: small ones, an empty one if there may be one, one at the limit.
    public var frames: [Frame]
    /// Whether the bounds between frames survive. Default true; not for chunks as they come.
    public var keepsBounds: Bool
    /// Whether the bytes before an end that comes too early are a frame, as for lines. Default false.
    public var deliversTail: Bool
    /// What the random part begins with. Default 1.
    public var seed: UInt64

    public init(
        _ codec: Codec, frames: [Frame], keepsBounds: Bool = true, deliversTail: Bool = false, seed: UInt64 = 1
    ) {
        self.codec = codec
        self.frames = frames
        self.keepsBounds = keepsBounds
        self.deliversTail = deliversTail
        self.seed = seed
    }

    /// Each thing that the codec does wrong, as a sentence; empty when it holds to everything. At most 20, and then how many
    /// more there are.
    public func violations() -> [String] {
        var run = CodecConformanceRun(self)
        run.check()
        return run.violations.all
    }
}

/// One run of the suite.
private struct CodecConformanceRun<Codec: FrameCodec> {
    private let suite: CodecConformance<Codec>
    private var random: SeededGenerator
    private(set) var violations = Violations()
    private var stream: [UInt8] = []
    /// Where each frame ends in it.
    private var marks: [Int] = []

    init(_ suite: CodecConformance<Codec>) {
        self.suite = suite
        random = SeededGenerator(seed: suite.seed)
    }

    private static var mostCuts: Int { 512 }

    mutating func check() {
        do throws(FramingError) { try encode() } catch {
            return violations.add("a frame that should survive could not be encoded: \(error)")
        }
        let places =
            stream.count <= Self.mostCuts
            ? Array(stream.indices) : (0..<Self.mostCuts).map { _ in Int.random(in: stream.indices, using: &random) }
        for streamed in [false, true] {
            for isObedient in [false, true] {
                let way = Way(streamed: streamed, isObedient: isObedient)
                checkWhole([stream[...]], "in one read", way)
                checkWhole(stream.indices.map { stream[$0...$0] }, "byte by byte", way)
                for place in places {
                    checkWhole([stream[..<place], stream[place...]], "cut in two at \(place)", way)
                    checkTruncated(at: place, way)
                }
            }
        }
        checkGarbage()
    }

    /// How a stream is read.
    private struct Way: CustomStringConvertible {
        let streamed: Bool
        let isObedient: Bool
        var description: String {
            (streamed ? "read in parts" : "read whole") + (isObedient ? " when enough is there" : " after each piece")
        }
    }

    private func play(_ pieces: [ArraySlice<UInt8>], _ way: Way) -> Transcript {
        StreamPlayer.play(suite.codec, pieces, streamed: way.streamed, isObedient: way.isObedient)
    }

    /// The stream of all frames. Encoded in pieces it has to be the same.
    private mutating func encode() throws(FramingError) {
        var whole = suite.codec
        var output = ByteQueue()
        var pieces = suite.codec
        var streamed = ByteQueue()
        for frame in suite.frames {
            try whole.encode(frame, into: &output)
            marks.append(output.count)
            try pieces.encodeBegin(head: frame.head.span.bytes, bodyCount: frame.body.count, into: &streamed)
            for byte in frame.body {
                try pieces.encodeChunk([byte].span.bytes)
                streamed.append([byte].span.bytes)
            }
            try pieces.encodeEnd(into: &streamed)
        }
        stream = Array(copying: output.bytes)
        violations.expect(
            stream == Array(copying: streamed.bytes), "encoding in pieces yields other bytes than encoding whole")
    }

    private mutating func checkWhole(_ pieces: [ArraySlice<UInt8>], _ cut: String, _ way: Way) {
        let seen = play(pieces, way)
        let place = "the stream \(cut), \(way)"
        if let violation = seen.violation { violations.add("\(place): \(violation)") }
        if suite.keepsBounds {
            violations.expect(
                seen.frames == suite.frames && seen.ending == .end, "\(place): what was encoded became \(seen)")
        } else {
            violations.expect(
                seen.frames.flatMap(\.body) == suite.frames.flatMap(\.body), "\(place): bytes were lost or changed")
        }
    }

    /// Never a wrong frame: those that arrived whole, then an error, an end, or what had arrived of the next one.
    private mutating func checkTruncated(at end: Int, _ way: Way) {
        let seen = play([stream[..<end]], way)
        let place = "a stream that ends after \(end) bytes, \(way)"
        if let violation = seen.violation { violations.add("\(place): \(violation)") }
        guard suite.keepsBounds else { return }
        let whole = marks.prefix { $0 <= end }.count
        let isRight: Bool
        if suite.deliversTail {
            isRight =
                seen.ending == .end && seen.frames.prefix(whole) == suite.frames.prefix(whole)
                && seen.frames.count <= whole + 1
        } else if end == 0 || marks.contains(end) {
            isRight = seen.ending == .end && seen.frames[...] == suite.frames.prefix(whole)
        } else if case .failed(let error) = seen.ending, case .truncated = error.code {
            isRight = seen.frames[...] == suite.frames.prefix(whole)
        } else {
            isRight = false
        }
        violations.expect(isRight, "\(place), became \(seen)")
    }

    /// Random bytes and damaged streams: every way to read them gives the same.
    private mutating func checkGarbage() {
        for round in 0..<300 {
            var bytes = stream
            if round % 2 == 0 || stream.isEmpty {
                bytes = (0..<Int.random(in: 0...40, using: &random)).map { _ in .random(in: 0...255, using: &random) }
            } else {
                for _ in 0..<3 {
                    bytes[Int.random(in: bytes.indices, using: &random)] = .random(in: 0...255, using: &random)
                }
            }
            let one = StreamPlayer.play(suite.codec, [bytes[...]])
            let place = "bytes without a meaning (\(bytes.prefix(64)), seed \(suite.seed))"
            if let violation = one.violation { violations.add("\(place): \(violation)") }
            guard suite.keepsBounds else { continue }
            let single = bytes.indices.map { bytes[$0...$0] }
            for way in [Way(streamed: false, isObedient: false), Way(streamed: false, isObedient: true)]
                + [Way(streamed: true, isObedient: false), Way(streamed: true, isObedient: true)]
            {
                violations.expect(play(single, way) == one, "\(place) are something else byte by byte, \(way)")
            }
            violations.expect(
                StreamPlayer.play(suite.codec, [bytes[...]], streamed: true) == one,
                "\(place) are something else read in parts")
        }
    }
}
