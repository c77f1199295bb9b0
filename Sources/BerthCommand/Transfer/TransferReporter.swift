internal import BerthSystem

/// Tells a person, or a program, how transfers go: progress on a terminal, one line for each file at its end.
final class TransferReporter: Sendable {
    private struct State {
        var stored = 0
        var failed = 0
        var brokenSessions = 0
    }

    private let verb: String
    private let asJSON: Bool
    private let state = Monitor(State())

    /// - Parameters:
    ///   - verb: "sent" or "received".
    ///   - asJSON: whether results are lines of JSON on standard output.
    init(verb: String, asJSON: Bool) {
        self.verb = verb
        self.asJSON = asJSON
    }

    /// An observer for one connection.
    func observer() -> @Sendable (TransferEvent) -> Void {
        let bar = Monitor<ProgressBar?>(nil)
        return { event in
            switch event {
            case .began(let name, let size, let offset, let note):
                if let note { Talk.say("\(name): \(note)") }
                bar.withLock { $0 = ProgressBar(label: name, begin: offset, total: size) }
            case .advanced(let position):
                bar.withLock { $0?.advance(to: position) }
            case .ended(let result):
                bar.withLock { $0 = nil }
                self.tell(result)
            case .sessionEnded(let files, let failure):
                // A file that failed with its connection has said so itself.
                if let failure, files == 0 {
                    self.state.withLock { $0.brokenSessions += 1 }
                    Talk.say("a connection brought no file: \(failure)")
                }
            }
        }
    }

    private func tell(_ result: TransferResult) {
        state.withLock { result.isStored ? ($0.stored += 1) : ($0.failed += 1) }
        if asJSON {
            Talk.data(result.json)
        } else if result.isStored {
            Talk.data(result.text(verb))
        } else {
            Talk.say(result.text(verb))
        }
    }

    /// A file that could not even be offered.
    func fail(_ path: String, _ error: TransferError) {
        tell(TransferResult(name: path, size: 0, outcome: .failed(error.sentence)))
    }

    var storedCount: Int { state.withLock { $0.stored } }

    /// Whether anything went wrong.
    var hasFailed: Bool { state.withLock { $0.failed > 0 || $0.brokenSessions > 0 } }
}
