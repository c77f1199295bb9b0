import BerthSystem
import Testing

@testable import BerthServer

@Suite("The watch over a loop")
struct BlockingWatchTests {
    /// A look: when, in milliseconds, which run, and whose; and what it finds.
    private typealias Look = (time: Int64, run: UInt64, runner: UInt64, finding: BlockingWatch.Finding?)

    private static let cases: [(String, [Look])] = [
        ("nothing runs", [(0, 0, 0, nil), (1000, 0, 0, nil), (2000, 0, 0, nil)]),
        ("always something else runs", [(0, 1, 7, nil), (1000, 2, 7, nil), (2000, 3, 7, nil)]),
        ("a run that is over in time is not told of", [(0, 1, 7, nil), (99, 1, 7, nil), (120, 1, 0, nil)]),
        ("that is all that is known of one between two looks", [(0, 1, 7, nil), (1000, 2, 0, nil)]),
        ("a run is told of when its time is over", [(0, 1, 7, nil), (100, 1, 7, .blocks(7, .milliseconds(100)))]),
        (
            "it is told of again whenever the time has doubled, and at its end",
            [
                (50, 1, 7, nil), (100, 1, 7, nil), (150, 1, 7, .blocks(7, .milliseconds(100))), (200, 1, 7, nil),
                (249, 1, 7, nil), (255, 1, 7, .blocks(7, .milliseconds(205))), (400, 1, 7, nil),
                (460, 1, 7, .blocks(7, .milliseconds(410))), (500, 1, 0, .blocked(7, .milliseconds(450))),
                (600, 1, 0, nil),
            ]
        ),
        (
            "another run may have begun at its end, and block as well",
            [
                (0, 1, 7, nil), (100, 1, 7, .blocks(7, .milliseconds(100))),
                (150, 9, 8, .blocked(7, .milliseconds(150))), (250, 9, 8, .blocks(8, .milliseconds(100))),
                (300, 10, 7, .blocked(8, .milliseconds(150))), (350, 10, 7, nil),
            ]
        ),
    ]

    @Test("tells runs that block from others", arguments: cases.indices)
    func looks(index: Int) {
        let (name, looks) = Self.cases[index]
        var watch = BlockingWatch(limit: .milliseconds(100))
        for look in looks {
            let finding = watch.look(
                run: look.run, of: look.runner, at: MonotonicTime(nanoseconds: look.time * 1_000_000))
            #expect(finding == look.finding, "\(name), at \(look.time) ms")
        }
    }
}
