internal import BerthSockets
internal import BerthSystem

/// Something that happened to a harbour or to one of its workers. The description is a sentence for people.
public enum HarbourEvent: Sendable, Hashable {
    /// The harbour has its berths and starts its workers.
    case opened(workers: Int, berths: Int, control: String?)
    case workerStarted(Int, pid: Int32, generation: String)
    case workerReady(Int, pid: Int32, generation: String, after: Duration)
    /// A worker was told to take nothing new, to finish what it has, and to leave.
    case workerLeaving(Int, reason: String)
    case workerLeft(Int, served: Int)
    /// A worker ended without having been told to.
    case workerLost(Int, how: String, restart: Duration?)
    /// A worker could not be started, or ended before it was ready.
    case workerFailed(Int, how: String, restart: Duration?)
    /// A worker has not said anything for so long; another one takes its place.
    case workerSilent(Int, for: Duration)
    /// A worker that had said nothing does so before another one was ready, and stays.
    case workerSpeaksAgain(Int)
    /// A worker did not leave, or did not become ready, in time.
    case workerKilled(Int, reason: String)
    case rolloutBegan(generation: String, workers: Int)
    case rolloutEnded(generation: String)
    /// A new generation was given up; the old one serves.
    case rolloutFailed(generation: String, reason: String)
    /// Connections waited at a berth while its workers accepted nothing: others dock there too.
    case rescued(berth: Int, waiting: Int, helpers: Int)
    case rescueEnded(berth: Int)
    /// Connections waited at a berth and became no fewer: other programs take the places of those that are there.
    case stuck(berth: Int, waiting: Int, for: Duration)
    case scaled(from: Int, to: Int)
    case paused
    case resumed
    /// The service is said not to be ready any more, and goes on accepting for so long before it ends.
    case announced(for: Duration)
    case stopping(active: Int)
    /// A worker that leaves has come to this step.
    case draining(worker: Int, DrainStep)
    /// A connection of a worker that leaves had to be cut.
    case cut(worker: Int, CutConnection)
    case ended(WorkerCounts)
    /// Something that operators should know of.
    case note(String)
}

extension HarbourEvent: CustomStringConvertible {
    public var description: String {
        switch self {
        case .opened(let workers, let berths, let control):
            "harbour: \(Self.count(workers, "worker")) at \(Self.count(berths, "berth"))"
                + (control.map { ", control \($0)" } ?? "")
        case .workerStarted(let id, let pid, let generation): "worker \(id) (pid \(pid), \(generation)) starts"
        case .workerReady(let id, let pid, let generation, let time):
            "worker \(id) (pid \(pid), \(generation)) is ready after \(time.short)"
        case .workerLeaving(let id, let reason): "worker \(id) leaves: \(reason)"
        case .workerLeft(let id, let served): "worker \(id) has left, having served \(Self.count(served, "connection"))"
        case .workerLost(let id, let how, let restart):
            "worker \(id) \(how)" + (restart.map { "; another one starts \(Self.soon($0))" } ?? "")
        case .workerFailed(let id, let how, let restart):
            "worker \(id) \(how) before it was ready" + (restart.map { "; another one starts \(Self.soon($0))" } ?? "")
        case .workerSilent(let id, let time):
            "worker \(id) has said nothing for \(time.short); another one takes its place"
        case .workerSpeaksAgain(let id): "worker \(id) speaks again, and stays"
        case .workerKilled(let id, let reason): "worker \(id) is killed: \(reason)"
        case .rolloutBegan(let generation, let workers):
            "\(generation) takes over from \(Self.count(workers, "worker")), one after the other"
        case .rolloutEnded(let generation): "\(generation) has taken over"
        case .rolloutFailed(let generation, let reason): "\(generation) was given up, the old version serves: \(reason)"
        case .rescued(let berth, let waiting, let helpers):
            "\(Self.count(waiting, "connection")) waited at berth \(berth) while nobody accepted there; "
                + "\(Self.count(helpers, "neighbour")) \(helpers == 1 ? "docks" : "dock") there too"
        case .stuck(let berth, let waiting, let time):
            "\(Self.count(waiting, "connection")) waited at berth \(berth) for \(time.short) and became no fewer; "
                + "its programs are replaced"
        case .rescueEnded(let berth): "berth \(berth) is served by its own worker again"
        case .scaled(let from, let to): "\(Self.count(from, "worker")) become \(to)"
        case .paused: "paused: connections wait in the berths"
        case .resumed: "resumed"
        case .announced(let time): DrainStep.announced(for: time).description
        case .draining(let id, let step): "worker \(id): \(step)"
        case .cut(let id, let cut): "worker \(id): \(cut)"
        case .stopping(let active): "ending; \(Self.count(active, "connection")) open"
        case .ended(let counts): "served \(Self.count(counts.accepted, "connection"))" + Self.outcomes(counts)
        case .note(let text): text
        }
    }

    private static func outcomes(_ counts: WorkerCounts) -> String {
        let parts = counts.outcomes.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
        let refused = counts.refused > 0 ? "; refused \(counts.refused)" : ""
        // A program that is run tells of none.
        let bytes = counts.bytes == ByteAccount() ? "" : "; \(counts.bytes)"
        return (parts.isEmpty ? "" : ": " + parts.joined(separator: ", ")) + bytes + refused
    }

    private static func soon(_ time: Duration) -> String { time <= .zero ? "at once" : "in \(time.short)" }

    private static func count(_ number: Int, _ noun: String) -> String {
        number == 1 ? "1 \(noun)" : "\(number) \(noun)s"
    }
}
