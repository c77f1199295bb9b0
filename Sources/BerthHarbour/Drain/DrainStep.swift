internal import BerthSockets

/// How far the end of a service has come. The description is a sentence for people.
public enum DrainStep: Sendable, Hashable {
    /// The service is said not to be ready any more, and goes on as before for so long: whoever balances its load shall
    /// notice.
    case announced(for: Duration)
    /// Nothing new is accepted. So many connections are told, one after the other within this time, that the service ends:
    /// their waits for a new message end.
    case telling(active: Int, within: Duration)
    /// The time is over for so many whose handlers have not ended. All their reads end and their tasks are cancelled; what
    /// they have written is sent, with a FIN behind it, where they return.
    case halfClosing(active: Int)
    /// So many are left and are reset.
    case resetting(active: Int)
}

extension DrainStep {
    /// How many connections it concerns.
    package var active: Int {
        switch self {
        case .announced: 0
        case .telling(let active, _), .halfClosing(let active), .resetting(let active): active
        }
    }
}

extension DrainStep: CustomStringConvertible {
    public var description: String {
        switch self {
        case .announced(let time): "ending; not ready any more, accepting for \(time.short) more"
        case .telling(let active, let time):
            "ending; \(Self.connections(active)) open"
                + (time >= .milliseconds(100) ? ", told within \(time.short)" : "")
        case .halfClosing(let active): "the time is over for \(Self.connections(active)), whose handlers are cancelled"
        case .resetting(let active): "\(Self.connections(active)) \(active == 1 ? "is" : "are") reset"
        }
    }

    private static func connections(_ count: Int) -> String { count == 1 ? "1 connection" : "\(count) connections" }
}
