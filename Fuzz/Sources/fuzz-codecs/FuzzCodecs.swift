import Berth
import BerthTesting
import FuzzStreams
import Glibc

/// Plays random streams to every codec and compares with a naive decoder; see `FuzzCase` for what is checked.
@main
struct FuzzCodecs {
    static func main() {
        var cases = 1_000_000
        var seed: UInt64 = 1
        var chosen: Subject?
        var arguments = CommandLine.arguments.dropFirst()
        while let option = arguments.popFirst() {
            let value = arguments.popFirst()
            switch (option, value) {
            case ("--cases", let value?) where Int(value).map { $0 > 0 } == true: cases = Int(value) ?? cases
            case ("--seed", let value?) where UInt64(value) != nil: seed = UInt64(value) ?? seed
            case ("--codec", let value?) where Subject(rawValue: value) != nil: chosen = Subject(rawValue: value)
            default: usage()
            }
        }
        let clock = ContinuousClock()
        for subject in chosen.map({ [$0] }) ?? Subject.allCases {
            var tally = Tally()
            let time = clock.measure {
                for number in 0..<UInt64(cases) {
                    // Each case has a seed of its own, so that a failure is repeated by `--cases 1 --seed` and it.
                    var fuzzCase = FuzzCase(subject: subject, seed: seed &+ number)
                    fuzzCase.run(&tally)
                }
            }
            print(
                "\(subject.rawValue): \(cases) cases, \(tally.frames) frames, \(tally.errors) streams refused, "
                    + "\(tally.bytes) bytes, \(time)")
        }
    }

    private static func usage() -> Never {
        let names = Subject.allCases.map(\.rawValue).joined(separator: ", ")
        print("usage: fuzz-codecs [--cases COUNT] [--seed NUMBER] [--codec NAME]\ncodecs: \(names)")
        exit(64)
    }
}

/// What the cases came to.
struct Tally {
    var frames = 0
    var errors = 0
    var bytes = 0
}
