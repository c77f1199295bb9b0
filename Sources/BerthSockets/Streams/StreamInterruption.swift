package import BerthSystem
internal import Synchronization

/// What somebody waits for who uses a stream.
package enum StreamWait: UInt8, Sendable {
    /// Nothing of the stream.
    case nothing
    case reading
    case writing
}

/// What a server tells a stream while it waits, and what it sees of it.
///
/// There are two steps: first, from a moment of the stream's own on, waits for a new message end; then all reads do. For each
/// there is a descriptor that becomes readable, and stays so, and a cheap way to ask.
package final class StreamInterruption: Sendable {
    /// Readable once ``moment`` may be known.
    let descriptor: Int32
    /// Readable once ``isForced`` says so.
    let forceDescriptor: Int32
    /// From when on waits for a new message end; `nil` while they do not.
    let moment: @Sendable () -> MonotonicTime?
    /// Whether all reads end.
    let isForced: @Sendable () -> Bool
    private let heedsOnlyForce = Atomic<Bool>(false)
    private let waiting = Atomic<UInt8>(StreamWait.nothing.rawValue)
    private let held = Atomic<Int>(0)

    package init(
        descriptor: Int32, forceDescriptor: Int32, moment: @escaping @Sendable () -> MonotonicTime?,
        isForced: @escaping @Sendable () -> Bool
    ) {
        self.descriptor = descriptor
        self.forceDescriptor = forceDescriptor
        self.moment = moment
        self.isForced = isForced
    }

    /// From now on only the second step ends reads.
    func heedOnlyForce() { heedsOnlyForce.store(true, ordering: .relaxed) }

    /// From when on a read ends; `nil` while it does not.
    ///
    /// - Parameter isWithinMessage: whether a message has begun, which may come to its end.
    func end(isWithinMessage: Bool) -> MonotonicTime? {
        if isForced() { return MonotonicTime(nanoseconds: 0) }
        return isWithinMessage || heedsOnlyForce.load(ordering: .relaxed) ? nil : moment()
    }

    /// What tells of a change of ``end(isWithinMessage:)``, when it said this last.
    func descriptor(after end: MonotonicTime?, isWithinMessage: Bool) -> Int32 {
        let isTold = end != nil || isWithinMessage || heedsOnlyForce.load(ordering: .relaxed)
        return isTold ? forceDescriptor : descriptor
    }

    /// What the stream's user waits for.
    package var wait: StreamWait { StreamWait(rawValue: waiting.load(ordering: .relaxed)) ?? .nothing }

    /// What the stream had received and its user not read when the wait began.
    package var unread: Int { held.load(ordering: .relaxed) }

    func note(_ wait: StreamWait, unread: Int = 0) {
        held.store(unread, ordering: .relaxed)
        waiting.store(wait.rawValue, ordering: .relaxed)
    }
}
