import Berth
import BerthTesting
import FuzzStreams
import Glibc

/// Plays mutated sessions to a server by its socket; see `ServerFuzzer` for what is checked.
@main
struct FuzzServer {
    static func main() async throws {
        var sessions: UInt64 = 200_000
        var seed: UInt64 = 1
        var chosen: Subject?
        var engine: String?
        var arguments = CommandLine.arguments.dropFirst()
        while let option = arguments.popFirst() {
            let value = arguments.popFirst()
            switch (option, value) {
            case ("--sessions", let value?) where UInt64(value).map { $0 > 0 } == true:
                sessions = UInt64(value) ?? sessions
            case ("--seed", let value?) where UInt64(value) != nil: seed = UInt64(value) ?? seed
            case ("--codec", let value?) where Subject(rawValue: value) != nil: chosen = Subject(rawValue: value)
            case ("--engine", let value?) where ServerFuzzer.engines[value] != nil: engine = value
            default: usage()
            }
        }
        let clock = ContinuousClock()
        for subject in chosen.map({ [$0] }) ?? Subject.allCases {
            let fuzzer = ServerFuzzer(subject: subject, engine: engine)
            // A tenth first, after which memory has what it needs.
            let warm = seed + max(1, sessions / 10)
            let start = clock.now
            let first = try await check(fuzzer.run(seed..<min(warm, seed + sessions)))
            let before = ProcessFigures()
            let rest = try await check(fuzzer.run(warm..<max(warm, seed + sessions)))
            let after = ProcessFigures()
            let time = clock.now - start
            guard let before, let after else { fail("no figures in /proc/self") }
            if after.residentBytes > before.residentBytes + before.residentBytes / 5 + (8 << 20) {
                fail("\(subject.rawValue): memory grew from \(before.residentBytes) to \(after.residentBytes) bytes")
            }
            let outcomes = first.outcomes.merging(rest.outcomes, uniquingKeysWith: +)
            let texts = outcomes.sorted { $0.value > $1.value }.map { "\($0.value) \($0.key.rawValue)" }
            print(
                "\(subject.rawValue): \(sessions) sessions in \(time.formattedSeconds), \(first.checked + rest.checked) "
                    + "answers checked; \(texts.joined(separator: ", ")); resident \(before.residentBytes >> 10) K, then "
                    + "\(after.residentBytes >> 10) K")
            // Seen at once, also in a file.
            fflush(nil)
        }
    }

    private static func check(_ tally: ServerFuzzer.Tally) -> ServerFuzzer.Tally {
        if let problem = tally.problem {
            fail("\(problem)\nrepeat with: --codec … --engine … --sessions 1 --seed and the seed")
        }
        return tally
    }

    private static func fail(_ text: String) -> Never {
        print("FAILED: \(text)")
        exit(1)
    }

    private static func usage() -> Never {
        let codecs = Subject.allCases.map(\.rawValue).joined(separator: ", ")
        let engines = ServerFuzzer.engines.keys.sorted().joined(separator: ", ")
        print("usage: fuzz-server [--sessions COUNT] [--seed NUMBER] [--codec NAME] [--engine NAME]")
        print("codecs: \(codecs)\nengines: \(engines)")
        exit(64)
    }
}

extension Duration {
    /// For example `12.3 s`.
    var formattedSeconds: String {
        let tenths = Int(self / .milliseconds(100))
        return "\(tenths / 10).\(tenths % 10) s"
    }
}
