internal import BerthSystem

/// Decides when the end of a service comes to its next step. It does nothing itself, and knows no clock.
///
/// Announce, tell, half-close, reset: each has its moment, and comes earlier when someone is in a hurry. As soon as there is
/// no connection any more, it is over.
struct DrainPlan: Sendable {
    struct Settings: Sendable, Hashable {
        /// How long the service goes on accepting once it is said not to be ready.
        var lameDuck: Duration = .zero
        /// How long the connections may go on from then on.
        var drain: Duration
        /// How long it may take from then on.
        var force: Duration
        /// How long of that peers are waited for before they are reset.
        var linger: Duration
    }

    enum Event: Sendable, Hashable {
        /// Nothing but time, or that there is no connection any more.
        case tick
        /// Someone is in a hurry: the next step comes now.
        case hurry
    }

    enum Action: Sendable, Hashable {
        case announce(for: Duration)
        /// Accept nothing more, and tell the connections, spread over this time. What has waited to be accepted may still be
        /// taken until the moment.
        case tell(within: Duration, until: MonotonicTime)
        case halfClose(until: MonotonicTime)
        case reset
        case end
    }

    private enum Stage { case begin, announcing, telling, halfClosing, resetting, over }

    /// Of the time that the connections have, the part over which they are told.
    static let spread = 0.2
    /// The most time between one connection that is told and the next: a few are told at once.
    static let gap: Duration = .milliseconds(3)
    /// How long peers are waited for when someone is in a hurry.
    static let hurriedLinger: Duration = .milliseconds(500)
    /// How long connections may take to end that are told and are in nobody's way, when someone is in a hurry.
    static let grace: Duration = .milliseconds(100)

    private let settings: Settings
    private var stage = Stage.begin
    private var isHurried = false
    /// When the connections' time is over, and when all is.
    private var last: MonotonicTime
    /// When to call again, at the latest.
    private(set) var next: MonotonicTime

    init(_ settings: Settings, at now: MonotonicTime) {
        self.settings = settings
        last = now
        next = now
    }

    /// Whether connections still come: that there are none is no end then.
    var isAnnouncing: Bool { stage == .announcing }

    /// Takes note of an event, and says what is to be done, in this order.
    ///
    /// - Parameter active: how many connections there are.
    mutating func handle(_ event: Event, active: Int, at now: MonotonicTime) -> [Action] {
        if event == .hurry { hurry(now) }
        switch stage {
        case .begin:
            stage = .announcing
            next = now.advanced(by: isHurried ? .zero : settings.lameDuck)
            return next > now ? [.announce(for: settings.lameDuck)] : tell(active, now)
        case .announcing: return now >= next ? tell(active, now) : []
        case .telling where active == 0, .halfClosing where active == 0, .resetting where active == 0: return end()
        case .telling: return now >= next ? halfClose(now) : []
        case .halfClosing: return now >= next ? reset(now) : []
        case .resetting: return now >= next ? end() : []
        case .over: return []
        }
    }

    private mutating func hurry(_ now: MonotonicTime) {
        switch stage {
        case .announcing, .halfClosing: next = now
        case .begin: isHurried = true
        case .telling:
            isHurried = true
            next = now
        case .resetting, .over: break
        }
    }

    private mutating func tell(_ active: Int, _ now: MonotonicTime) -> [Action] {
        stage = .telling
        let time = isHurried ? min(settings.drain, Self.grace) : settings.drain
        next = now.advanced(by: time)
        return [.tell(within: isHurried ? .zero : Self.window(active, time), until: next)]
    }

    /// Over how long so many connections are told.
    static func window(_ active: Int, _ time: Duration) -> Duration {
        max(.zero, min(time * spread, gap * active))
    }

    private mutating func halfClose(_ now: MonotonicTime) -> [Action] {
        stage = .halfClosing
        last = now.advanced(by: settings.force)
        let linger = min(settings.linger, settings.force / 2)
        next = now.advanced(by: isHurried ? min(linger, Self.hurriedLinger) : linger)
        return [.halfClose(until: next)]
    }

    private mutating func reset(_ now: MonotonicTime) -> [Action] {
        stage = .resetting
        next = max(now, last)
        return [.reset]
    }

    private mutating func end() -> [Action] {
        stage = .over
        return [.end]
    }
}
