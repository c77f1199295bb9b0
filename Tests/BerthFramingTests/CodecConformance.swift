import Testing

@testable import BerthFraming

/// What every codec has to hold to, whatever its protocol.
struct CodecConformance<Codec: FrameCodec> {
    let codec: Codec
    /// Frames that survive encoding and decoding, and what the bytes of all of them in a row are.
    let frames: [Frame]
    /// Whether the bounds between frames survive: not for raw chunks.
    var keepsBounds = true
    /// Whether the bytes before an end that comes too early are a frame: lines, raw chunks, until close.
    var deliversTail = false

    func check(sourceLocation: SourceLocation = #_sourceLocation) throws {
        let (stream, marks) = try encoded()
        let expected = keepsBounds ? Transcript(frames: frames, ending: .end) : nil
        for streamed in [false, true] {
            for obedient in [false, true] {
                let play = { (pieces: [ArraySlice<UInt8>]) in
                    StreamPlayer.play(codec, pieces, streamed: streamed, isObedient: obedient)
                }
                let at: (String) -> Comment = { "\($0), streamed \(streamed), obedient \(obedient)" }
                var cuts = [("one read", [stream[...]]), ("byte by byte", stream.indices.map { stream[$0...$0] })]
                cuts += stream.indices.map { ("split at \($0)", [stream[..<$0], stream[$0...]]) }
                for (name, pieces) in cuts {
                    let seen = play(pieces)
                    if let expected { #expect(seen == expected, at(name), sourceLocation: sourceLocation) }
                    #expect(seen.violation == nil, at(name), sourceLocation: sourceLocation)
                    #expect(seen.frames.flatMap(\.body) == frames.flatMap(\.body), at(name))
                }
                for end in stream.indices {
                    checkTruncated(play([stream[..<end]]), end, marks, at("cut at \(end)"), sourceLocation)
                }
            }
        }
        checkGarbage(stream, sourceLocation)
    }

    /// The stream of all frames, and where each of them ends in it. Streamed encoding yields the same bytes.
    private func encoded() throws -> ([UInt8], [Int]) {
        var whole = codec
        var output = ByteQueue()
        var marks: [Int] = []
        for frame in frames {
            try whole.encode(frame, into: &output)
            marks.append(output.count)
        }
        var pieces = codec
        var streamed = ByteQueue()
        for frame in frames {
            try pieces.encodeBegin(head: frame.head.span.bytes, bodyCount: frame.body.count, into: &streamed)
            for byte in frame.body {
                try pieces.encodeChunk([byte].span.bytes)
                streamed.append(byte)
            }
            try pieces.encodeEnd(into: &streamed)
        }
        let stream = Array(copying: output.bytes)
        #expect(stream == Array(copying: streamed.bytes), "streamed encoding")
        return (stream, marks)
    }

    /// Never a wrong frame: those that arrived whole, then an error, an end, or what had arrived of the next one.
    private func checkTruncated(
        _ seen: Transcript, _ end: Int, _ marks: [Int], _ comment: Comment, _ sourceLocation: SourceLocation
    ) {
        #expect(seen.violation == nil, comment, sourceLocation: sourceLocation)
        guard keepsBounds else { return }
        let whole = marks.prefix { $0 <= end }.count
        let isBetween = end == 0 || marks.contains(end)
        if deliversTail {
            #expect(seen.ending == .end, comment, sourceLocation: sourceLocation)
            #expect(seen.frames.prefix(whole) == frames.prefix(whole), comment, sourceLocation: sourceLocation)
            #expect(seen.frames.count <= whole + 1, comment, sourceLocation: sourceLocation)
            return
        }
        #expect(seen.frames[...] == frames.prefix(whole), comment, sourceLocation: sourceLocation)
        if isBetween {
            #expect(seen.ending == .end, comment, sourceLocation: sourceLocation)
        } else if case .failed(let error) = seen.ending, case .truncated = error.code {
        } else {
            Issue.record("\(comment): \(seen)", sourceLocation: sourceLocation)
        }
    }

    /// Random bytes and damaged streams: every way to read them gives the same.
    private func checkGarbage(_ stream: [UInt8], _ sourceLocation: SourceLocation) {
        var random = SeededRandom(seed: 1)
        for round in 0..<300 {
            var bytes = stream
            if round % 2 == 0 {
                bytes = (0..<Int.random(in: 0...40, using: &random)).map { _ in .random(in: 0...255, using: &random) }
            } else {
                for _ in 0..<3 {
                    if let index = bytes.indices.randomElement(using: &random) {
                        bytes[index] = .random(in: 0...255, using: &random)
                    }
                }
            }
            let one = StreamPlayer.play(codec, [bytes[...]])
            #expect(one.violation == nil, "round \(round)", sourceLocation: sourceLocation)
            guard keepsBounds else { continue }
            let single = bytes.indices.map { bytes[$0...$0] }
            for obedient in [false, true] {
                #expect(StreamPlayer.play(codec, single, isObedient: obedient) == one, "round \(round)")
                #expect(StreamPlayer.play(codec, single, streamed: true, isObedient: obedient) == one, "round \(round)")
            }
            #expect(StreamPlayer.play(codec, [bytes[...]], streamed: true) == one, "round \(round)")
        }
    }
}

/// A small random generator with a seed (SplitMix64).
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}

extension [UInt8] {
    init(_ text: String) { self = Array(text.utf8) }
}
