internal import BerthEngine
internal import BerthSockets
internal import BerthSystem

/// Looks after the loops of a service: a thread that wakes four times within the time that a handler may block its loop,
/// reads two counters of each, and reports who exceeds it.
final class LoopWatcher: Sendable {
    private enum Stage {
        case running, ending, over
    }

    private let stage = Monitor(Stage.running)

    /// - Parameter limit: how long a handler may run without waiting for anything.
    init(_ loops: [EventLoop], of core: ServiceCore, limit: Duration) throws(Errno) {
        let interval = max(.milliseconds(1), limit / 4)
        try Thread.start(name: "berth-watch") { [stage] in
            var watched = loops.map { WatchedLoop($0, limit: limit) }
            while stage.wait(until: .after(interval), { $0 == .ending ? true : nil }) == nil {
                for index in watched.indices { watched[index].look(for: core) }
            }
            stage.change { $0 = .over }
        }
    }

    /// Ends it; nothing is reported any more.
    func stop() {
        stage.change { $0 = .ending }
        _ = stage.wait { $0 == .over ? true : nil }
    }
}

/// One loop, and who was found to block it.
private struct WatchedLoop {
    private let loop: EventLoop
    private var watch: BlockingWatch
    private var culprit: (id: ConnectionID, peer: SocketAddress)?

    init(_ loop: EventLoop, limit: Duration) {
        self.loop = loop
        watch = BlockingWatch(limit: limit)
    }

    mutating func look(for core: ServiceCore) {
        let present = loop.present
        switch watch.look(run: present.run, of: present.runner, at: .now) {
        case .blocks(let runner, let time):
            // Who is known may have ended its connection, and blocks on.
            culprit = core.table.connection(runBy: runner, on: loop) ?? culprit
            core.report(.handlerBlocks(culprit?.id, peer: culprit?.peer, for: time))
        case .blocked(_, let time):
            core.report(.handlerBlocked(culprit?.id, peer: culprit?.peer, for: time))
            culprit = nil
        case nil: break
        }
    }
}
