internal import BerthEngine
internal import BerthSockets
internal import BerthSystem

/// The door of a thread pool whose listeners belong to someone else, and must not be shut down to wake threads: one thread
/// waits there, the others wait for its place.
final class PoolTurnstile: PoolEntrance {
    private struct State {
        /// Whether a thread waits for a connection.
        var isTaken = false
        var isShut = false
    }

    private let entrance: Entrance
    private let state = Monitor(State())

    init(_ entrance: Entrance) { self.entrance = entrance }

    /// Waits for a connection, in line with the other threads; `nil` once the service drains.
    func nextConnection() -> Admitted? {
        let mayEnter = state.wait { state in
            if state.isShut { return false }
            if state.isTaken { return nil }
            state.isTaken = true
            return true
        }
        guard mayEnter == true else { return nil }
        defer { state.change { $0.isTaken = false } }
        while !entrance.core.signals.isDraining {
            switch entrance.takeOne() {
            case .connection(let admitted): return admitted
            case .refused: continue
            case .nothing: entrance.wait()
            // All threads serve but this one, which came just now.
            case .full: entrance.core.waitForRoom()
            }
        }
        return nil
    }

    /// Lets nobody in any more. The service drains, which wakes the thread that waits.
    func close(until deadline: Deadline) {
        state.change { $0.isShut = true }
        entrance.close()
    }
}
