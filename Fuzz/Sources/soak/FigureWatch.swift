import BerthTesting
import Glibc
import Synchronization

/// Prints the figures of this process, server and clients together, from time to time, and finds what grows.
final class FigureWatch: Sendable {
    private let counter: EventCounter
    private let warmUp: Double
    private let interval: Double
    private let samples = Mutex<[(time: Double, figures: ProcessFigures)]>([])

    /// - Parameters:
    ///   - warmUp: seconds in which things may grow. What is met in as long a time afterwards is not to be exceeded later.
    ///   - interval: seconds between two looks.
    init(_ counter: EventCounter, warmUp: Double, interval: Double) {
        self.counter = counter
        self.warmUp = warmUp
        self.interval = interval
    }

    func run(for seconds: Double) async {
        print("  time  resident  descriptors  threads  processor  accepted     ended")
        let clock = ContinuousClock()
        let start = clock.now
        // Of many looks between two lines: the most memory, and the fewest descriptors and threads. Connections come and go,
        // and what they have goes with them; what is lost never goes.
        var extremes: ProcessFigures?
        var nextLine = interval
        while true {
            let time = (clock.now - start) / .seconds(1)
            guard let now = ProcessFigures() else { return }
            extremes = extremes.map { $0.joined(with: now) } ?? now
            if time >= nextLine, let found = extremes {
                samples.withLock { $0.append((time, found)) }
                print(line(time, found))
                // Seen at once, also in a file.
                fflush(nil)
                extremes = nil
                nextLine += interval
            }
            if time >= seconds { return }
            try? await Task.sleep(for: .milliseconds(100))
        }
    }

    private func line(_ time: Double, _ figures: ProcessFigures) -> String {
        let texts = [
            "\(Int(time.rounded())) s", "\(figures.residentBytes >> 10) K", "\(figures.descriptors)",
            "\(figures.threads)",
            "\(Int(figures.processorTime / .seconds(1))) s", "\(counter.accepted)", "\(counter.ended)",
        ]
        return zip(texts, [6, 10, 13, 9, 11, 10, 10]).map { text, width in
            String(repeating: " ", count: max(1, width - text.count)) + text
        }.joined()
    }

    /// What was more later than in the first time after the warm-up, by more than a tenth and a little.
    var problems: [String] {
        let samples = samples.withLock { $0 }
        let first = samples.filter { $0.time > warmUp && $0.time <= 2 * warmUp + interval }.map(\.figures)
        let later = samples.filter { $0.time > 2 * warmUp + interval }.map(\.figures)
        guard let start = first.dropFirst().reduce(first.first, { $0?.joined(with: $1) }), !later.isEmpty else {
            return ["the time was too short for \(samples.count) looks"]
        }
        // What is lost is still lost in the last looks.
        let last = later.suffix(max(1, later.count / 4))
        let end = last.dropFirst().reduce(last[last.startIndex]) { $0.joined(with: $1) }
        var problems: [String] = []
        func expect(_ what: String, _ before: Int, _ after: Int, slack: Int) {
            if after > before + before / 10 + slack { problems.append("\(what) grew from \(before) to \(after)") }
        }
        expect("resident memory", start.residentBytes, end.residentBytes, slack: 4 << 20)
        expect("descriptors", start.descriptors, end.descriptors, slack: 4)
        expect("threads", start.threads, end.threads, slack: 4)
        return problems
    }
}

extension ProcessFigures {
    /// The more memory and processor time, and the fewer descriptors and threads.
    func joined(with other: ProcessFigures) -> ProcessFigures {
        var both = self
        both.residentBytes = max(residentBytes, other.residentBytes)
        both.descriptors = min(descriptors, other.descriptors)
        both.threads = min(threads, other.threads)
        both.processorTime = max(processorTime, other.processorTime)
        return both
    }
}
