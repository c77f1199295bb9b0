internal import Synchronization

// Who runs on a loop, for whoever looks after it from another thread.
extension EventLoop {
    /// How many times something was run on the loop, and what runs now: 0 for nothing, the token of the channel whose
    /// handler it is, or, where the runtime handed it over, its task as ``runner(of:)`` names it. From any thread.
    package var present: (run: UInt64, runner: UInt64) {
        // Atomics, at a fixed place for as long as the loop is there.
        let run = unsafe core.state.pointee.progress.load(ordering: .acquiring)
        return (run, unsafe core.state.pointee.running.load(ordering: .acquiring))
    }

    /// What ``present`` calls a task: the reference's bits, with one set that a token has only after a slot was taken two
    /// thousand million times.
    package static func runner(of task: Task<Void, Never>) -> UInt64 {
        UInt64(UInt(bitPattern: unsafe unsafeBitCast(task, to: UnsafeRawPointer.self))) | 1 << 63
    }
}

extension LoopCore {
    /// The same by a job: where that is the continuation of a task, it is the task itself.
    static func runner(of job: UnownedJob) -> UInt64 {
        UInt64(UInt(bitPattern: unsafe unsafeBitCast(job, to: UnsafeRawPointer.self))) | 1 << 63
    }
}

extension Connection {
    /// What its loop's ``EventLoop/present`` calls it; `nil` under an engine that blocks.
    package var runner: UInt64? { unsafe channel?.pointee.token }
}
