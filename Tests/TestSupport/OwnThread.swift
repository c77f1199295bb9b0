internal import BerthSystem

/// Runs `body` on a thread of its own, which may block without keeping other tests waiting.
///
/// The body stays part of the calling task, so that what a test expects in it is recorded for that test.
package func onOwnThread<R: Sendable>(_ body: @escaping @Sendable () throws -> R) async throws -> R {
    let executor = TestThread()
    try Thread.start(name: "test") { executor.run() }
    defer { executor.finish() }
    return try await withTaskExecutorPreference(executor) { try body() }
}

/// Runs `body` on a thread of its own in a new network namespace with its loopback interface up.
///
/// The thread may block. Threads that it starts are in the same namespace. Needs ``PrivateNetwork/isAvailable``.
package func inPrivateNetwork<R: Sendable>(_ body: @escaping @Sendable () throws -> R) async throws -> R {
    try await onOwnThread {
        try NetworkNamespace.enterNew()
        return try body()
    }
}

/// A thread as a task executor.
private final class TestThread: TaskExecutor {
    private let state = Monitor((jobs: [UnownedJob](), isFinished: false))

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        state.change { $0.jobs.append(job) }
    }

    func finish() { state.change { $0.isFinished = true } }

    func run() {
        while true {
            let next = state.wait { state -> UnownedJob?? in
                if !state.jobs.isEmpty { return .some(state.jobs.removeFirst()) }
                return state.isFinished ? .some(nil) : nil
            }
            guard case .some(.some(let job)) = next else { return }
            unsafe job.runSynchronously(on: asUnownedTaskExecutor())
        }
    }
}
