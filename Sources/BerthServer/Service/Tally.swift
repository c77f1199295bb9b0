internal import BerthHarbour

/// The counters of a process, by what they count: where they are on the board.
struct Tally: Sendable {
    private let place: BoardPlace
    private let outcomes: [Outcome.Kind: Int]
    private let refusals: [Refusal.Kind: Int]

    init(_ place: BoardPlace) {
        self.place = place
        func counters<Kind: Hashable>(_ kinds: [Kind], _ name: (Kind) -> String) -> [Kind: Int] {
            Dictionary(
                uniqueKeysWithValues: kinds.compactMap { kind in place.board.counter(name(kind)).map { (kind, $0) } })
        }
        outcomes = counters(Outcome.Kind.allCases) { CounterName.of(outcome: $0.rawValue) }
        refusals = counters(Refusal.Kind.allCases) { CounterName.of(refusal: $0.rawValue) }
    }

    func count(_ outcome: Outcome.Kind) { place.count(outcomes[outcome]) }

    func count(_ refusal: Refusal.Kind) { place.count(refusals[refusal]) }

    var statistics: ServerStatistics {
        var statistics = ServerStatistics()
        statistics.accepted = place.accepted
        statistics.active = place.active
        statistics.outcomes = outcomes.mapValues { place.value(of: $0) }.filter { $0.value > 0 }
        statistics.refusals = refusals.mapValues { place.value(of: $0) }.filter { $0.value > 0 }
        statistics.bytes = place.bytes
        return statistics
    }
}
