internal import BerthSystem

/// The executor of one handler: a thread that runs the jobs of the handler's task and nothing else.
///
/// A handler that waits for its connection blocks the thread inside a job. When it waits for something else (an actor,
/// `Task.sleep`, a child task) the job ends and the thread waits for the next one, so the handler always comes back to
/// its own thread. Nothing runs on the global pool.
package final class ThreadExecutor: TaskExecutor {
    private struct State {
        var jobs: [UnownedJob] = []
        var isFinished = false

        enum Next {
            case job(UnownedJob)
            case finished
        }

        /// The next thing to do; `nil` when there is nothing yet.
        mutating func takeNext() -> Next? {
            if !jobs.isEmpty { return .job(jobs.removeFirst()) }
            return isFinished ? .finished : nil
        }
    }

    private let state = Monitor(State())

    /// Says of a thread that it is the executor of one handler, which may block it.
    nonisolated(unsafe) static let mark = UnsafeRawPointer(UnsafeMutableRawPointer.allocate(byteCount: 1, alignment: 1))

    package init() {}

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        state.change { $0.jobs.append(job) }
    }

    /// Runs `body` as a task on the calling thread, and returns when it has ended.
    ///
    /// - Parameters:
    ///   - started: called with the task's handle before `body` runs.
    ///   - beforeWaiting: called on this thread each time the task waits for something that is not its connection.
    package func runTask(
        started: (Task<Void, Never>) -> Void, beforeWaiting: () -> Void, _ body: @escaping @Sendable () async -> Void
    ) {
        let task = Task(executorPreference: self) {
            await body()
            self.state.change { $0.isFinished = true }
        }
        started(task)
        unsafe Thread.mark = Self.mark
        defer { unsafe Thread.mark = nil }
        while true {
            var next = state.withLock { $0.takeNext() }
            if next == nil {
                beforeWaiting()
                next = state.wait { state in state.takeNext() }
            }
            guard case .job(let job)? = next else { return }
            unsafe job.runSynchronously(on: asUnownedTaskExecutor())
        }
    }
}
