package import BerthSystem
internal import Synchronization

/// What a server tells its connections while they wait: first that the service ends, then that its time is over.
///
/// That it ends is told to one connection after the other, each at its own moment, so that not all clients come back at
/// once. Which moment that is follows from the connection's number: the golden ratio spreads numbers that follow each other
/// evenly, and nobody has to keep a list.
package final class ServerSignals: Sendable {
    private let draining = Atomic<Bool>(false)
    private let forced = Atomic<Bool>(false)
    private let begin = Atomic<Int64>(0)
    private let window = Atomic<Int64>(0)
    private let last = Atomic<Int64>(.max)
    private let drainWakeUp: WakeUp
    private let forceWakeUp: WakeUp
    private let listeners = Monitor<[ConnectionID: @Sendable () -> Void]>([:])

    package init() throws(Errno) {
        drainWakeUp = try WakeUp()
        forceWakeUp = try WakeUp()
    }

    /// Whether the service is ending.
    package var isDraining: Bool { draining.load(ordering: .acquiring) }

    /// Whether the time of the connections is over: then reads end also within a message.
    package var isForced: Bool { forced.load(ordering: .acquiring) }

    /// Readable from the moment that the service is ending, for whoever polls.
    package var descriptor: Int32 { drainWakeUp.descriptor.rawValue }

    /// Readable from the moment that the time of the connections is over.
    package var forceDescriptor: Int32 { forceWakeUp.descriptor.rawValue }

    /// From when on a connection is told that the service ends; `nil` as long as it does not.
    package func moment(of id: ConnectionID) -> MonotonicTime? {
        guard isDraining else { return nil }
        return MonotonicTime(nanoseconds: moment(id))
    }

    private func moment(_ id: ConnectionID) -> Int64 {
        let place = id.number &* 0x9E37_79B9_7F4A_7C15
        let window = UInt64(window.load(ordering: .relaxed))
        return begin.load(ordering: .relaxed) + Int64(place.multipliedFullWidth(by: window).high)
    }

    /// Whether a connection is told by now that the service ends.
    package func isTold(_ id: ConnectionID) -> Bool {
        guard isDraining else { return false }
        return isForced || moment(id) <= MonotonicTime.now.nanoseconds
    }

    /// When all connections are told.
    package var allTold: MonotonicTime {
        MonotonicTime(nanoseconds: begin.load(ordering: .relaxed) + window.load(ordering: .relaxed))
    }

    /// Until when the connections may go on, once the service is ending.
    package var deadline: MonotonicTime { MonotonicTime(nanoseconds: last.load(ordering: .relaxed)) }

    /// Begins to tell the connections, those that wait included, spread over `window`. They may go on until the deadline.
    package func drain(within window: Duration = .zero, until deadline: MonotonicTime = .now) {
        last.store(deadline.nanoseconds, ordering: .relaxed)
        begin.store(MonotonicTime.now.nanoseconds, ordering: .relaxed)
        self.window.store(max(0, window.wholeNanoseconds), ordering: .relaxed)
        draining.store(true, ordering: .releasing)
        drainWakeUp.signal()
    }

    /// Ends all reads.
    package func force() {
        forced.store(true, ordering: .releasing)
        forceWakeUp.signal()
    }

    // MARK: Those who want to be called

    /// Has `body` be called once the connection is told that the service ends; at once where it has been. Ended by `nil`.
    func listen(_ id: ConnectionID, _ body: (@Sendable () -> Void)?) {
        listeners.withLock { $0[id] = body }
        if body != nil, isTold(id) { callListeners { $0 == id } }
    }

    /// Calls those whose moment has come.
    ///
    /// - Returns: when to call again; `nil` when there is nobody left.
    package func callListeners() -> MonotonicTime? {
        callListeners { isTold($0) }
        let rest = listeners.withLock { Array($0.keys) }
        return rest.map { moment($0) }.min().map { MonotonicTime(nanoseconds: $0) }
    }

    private func callListeners(where isDue: (ConnectionID) -> Bool) {
        let due = listeners.withLock { listeners in
            let due = listeners.filter { isDue($0.key) }
            for id in due.keys { listeners[id] = nil }
            return due
        }
        // Not under the lock: it is the handlers' code.
        for body in due.values { body() }
    }
}
