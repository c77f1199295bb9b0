import Berth
import BerthTesting
import FuzzStreams

/// One connection of the fuzzer: what is sent, in how many pieces, how it ends, and what has to come back.
struct Session {
    enum End {
        /// Finishes sending, and reads to the end: every byte is checked.
        case halfClose
        case reset
        /// Closes without reading.
        case leave
        /// Stays, within a message most likely, until others have come and gone.
        case stop
    }

    let stream: [UInt8]
    let cuts: [Int]
    let end: End
    private let setup: Setup

    /// The session of a seed, on a server with this setup.
    init(seed: UInt64, setup: Setup) {
        self.setup = setup
        var random = SeededGenerator(seed: seed)
        let generator = StreamGenerator(setup: setup)
        var log = FrameLog()
        var stream: [UInt8]
        switch random.below(8) {
        case 0: stream = generator.garbage(&random)
        case 1: stream = generator.hostile(&random)
        case 2: stream = generator.valid(&random, log: &log) + generator.hostile(&random)
        case 3: stream = generator.valid(&random, log: &log)
        default:
            stream = generator.valid(&random, log: &log)
            generator.mutate(&stream, &random)
        }
        self.stream = stream
        let pieces = stream.count > 1 ? random.below(3) : 0
        cuts = (0..<pieces).map { _ in 1 + random.below(stream.count - 1) }.sorted()
        switch random.below(16) {
        case 0: end = .reset
        case 1: end = .leave
        case 2: end = .stop
        default: end = .halfClose
        }
    }

    /// What the server has to answer: the frames that a naive decoder finds, encoded again, until it cannot go on.
    var reply: [UInt8] {
        if case .raw = setup { return stream }
        var codec = setup.framing
        var output = ByteQueue()
        for frame in NaiveDecoder(setup: setup, stream: stream).decode().frames {
            do throws(FramingError) { try codec.encode(frame, into: &output) } catch { break }
        }
        return output.withUnsafeBytes { Array($0) }
    }
}
