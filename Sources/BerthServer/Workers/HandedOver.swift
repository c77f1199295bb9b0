internal import Synchronization

/// What was handed to this process: it can be taken once, by the first server that runs.
enum HandedOver {
    private static let isTaken = Atomic<Bool>(false)

    /// Whether the caller is the first.
    static func take() -> Bool { !isTaken.exchange(true, ordering: .relaxed) }
}
