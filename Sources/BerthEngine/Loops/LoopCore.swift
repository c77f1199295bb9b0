internal import BerthSystem
internal import Synchronization

/// An event loop as those see it who are on its thread: its state and what can be done with it.
///
/// It is a pointer and nothing else, so that passing it about counts no references. The ``EventLoop`` owns what it points
/// to and outlives every connection.
struct LoopCore: @unchecked Sendable {
    // Unchecked: what it points to is touched on the loop's thread alone.
    let state: UnsafeMutablePointer<LoopState>

    /// Whether the calling thread is the loop's.
    @inline(__always)
    var isCurrent: Bool { unsafe Thread.mark == UnsafeRawPointer(state) }

    /// Runs a job, and then does what a handler that waits expects: what it has written is sent.
    func run(_ job: UnownedJob, of token: UInt64) {
        noteBegin(token == 0 ? Self.runner(of: job) : token)
        unsafe job.runSynchronously(on: state.pointee.executor.unsafelyUnwrapped)
        noteEnd()
        settle()
    }

    /// Takes the job of the handler that parks. A job that comes without one having said so is run like any other: waits
    /// look again at what they wait for.
    func keep(_ job: UnownedJob) {
        if isCurrent, let channel = unsafe state.pointee.parking {
            unsafe state.pointee.parking = nil
            unsafe channel.pointee.job = job
        } else {
            unsafe state.pointee.owner?.takeUnretainedValue().runSoon(job)
        }
    }

    /// Notes that a handler runs, for whoever looks after blocked loops.
    func noteBegin(_ token: UInt64) {
        unsafe state.pointee.progress.store(
            state.pointee.progress.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
        unsafe state.pointee.running.store(token, ordering: .relaxed)
    }

    func noteEnd() { unsafe state.pointee.running.store(0, ordering: .relaxed) }
}
