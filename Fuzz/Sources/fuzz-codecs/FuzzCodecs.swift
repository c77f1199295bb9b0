import Berth
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

/// A small random generator with a seed (SplitMix64).
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed &* 0xD134_2543_DE82_EF95 }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }

    /// A number in `0..<count`; the bias of the remainder does not matter here.
    mutating func below(_ count: Int) -> Int { Int(next() % UInt64(count)) }
}
