import Berth
import BerthTesting
import FuzzStreams
import Glibc

/// One stream, read in three ways: by the naive decoder, whole in random pieces, and streamed in other random pieces.
///
/// Checked: nothing traps; offsets are within the input; there is progress; waiting is bounded by the limit and wants
/// a possible number of bytes; an error stays; all three ways find the same frames and the same end; frames that were
/// encoded come back unchanged.
struct FuzzCase {
    let subject: Subject
    let seed: UInt64
    private var random: SeededGenerator
    private var stream: [UInt8] = []

    init(subject: Subject, seed: UInt64) {
        self.subject = subject
        self.seed = seed
        random = SeededGenerator(seed: seed)
    }

    mutating func run(_ tally: inout Tally) {
        let setup = subject.setup(&random)
        let generator = StreamGenerator(setup: setup)
        var sent = FrameLog()
        var isIntact = false
        switch random.below(8) {
        case 0: stream = generator.garbage(&random)
        case 1: stream = generator.hostile(&random)
        case 2:
            stream = generator.valid(&random, log: &sent) + generator.hostile(&random)
        case 3, 4:
            stream = generator.valid(&random, log: &sent)
            isIntact = true
        default:
            stream = generator.valid(&random, log: &sent)
            generator.mutate(&stream, &random)
        }
        if let violation = sent.violation { fail(violation, setup) }

        var wholePlayer = Player(setup, stream, streamed: false)
        let whole = wholePlayer.play(&random)
        if let violation = whole.violation { fail("whole: \(violation)", setup) }
        var streamedPlayer = Player(setup, stream, streamed: true)
        let streamed = streamedPlayer.play(&random)
        if let violation = streamed.violation { fail("streamed: \(violation)", setup) }

        if case .raw = setup {
            // Where chunks end is up to the pieces; their content is not.
            if whole.content != stream || streamed.content != stream { fail("bytes were lost", setup) }
        } else {
            let naive = NaiveDecoder(setup: setup, stream: stream).decode()
            if whole != naive { fail("whole and naive differ: \(describe(whole)); \(describe(naive))", setup) }
            if streamed != naive { fail("streamed and naive differ: \(describe(streamed)); \(describe(naive))", setup) }
            // A stream until its close has one frame, also when none was sent.
            let isNothing = subject == .untilClose && sent.count == 0
            if isIntact, !isNothing, whole != sent { fail("round trip: \(describe(whole)); \(describe(sent))", setup) }
        }
        tally.frames += whole.count
        tally.errors += whole.error == nil ? 0 : 1
        tally.bytes += stream.count
    }

    private func describe(_ log: FrameLog) -> String {
        "\(log.items) then \(log.error.map { "\(FramingError($0))" } ?? "the end")"
    }

    private func fail(_ reason: String, _ setup: Setup) -> Never {
        let digits = Array("0123456789abcdef")
        let hex = String(stream.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
        print("FAILED: \(subject.rawValue) (\(setup.framing)): \(reason)")
        print("setup: \(setup)")
        print("input: \(hex)")
        print("repeat with: --codec \(subject.rawValue) --cases 1 --seed \(seed)")
        exit(1)
    }
}
