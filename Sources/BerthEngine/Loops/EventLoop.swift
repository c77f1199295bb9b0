internal import BerthFraming
package import BerthSystem
package import Synchronization

/// A thread that waits for many connections at once and runs their handlers, which it is the task executor of.
///
/// A handler runs on the loop's thread until it waits. When it waits for its connection its task is parked, and the loop
/// runs it again when there is something: no lock, no queue, no allocation. When it waits for anything else (an actor,
/// `Task.sleep`, a child task) the runtime hands the job back by ``enqueue(_:)``, from whatever thread.
///
/// Unchecked: everything behind `state` is touched on the loop's thread alone. Other threads reach the loop by its inbox,
/// which a lock guards, and by atomics.
package final class EventLoop: TaskExecutor, @unchecked Sendable {
    /// What other threads want of the loop.
    private struct Inbox {
        var jobs: [UnownedJob] = []
        var calls: [@Sendable () -> Void] = []
        var isStopped = false
        /// Whether the loop's thread has ended, or does nothing any more but end.
        var isOver = false
    }

    /// How far the end has come.
    private enum End {
        case none
        /// There is nothing left of the service, but there are clients.
        case service
        /// The loop's thread touches nothing any more.
        case ended
    }

    let core: LoopCore
    /// Why the loop has no ring though one was wanted.
    package let ringRefusal: String?
    private let inbox = Monitor(Inbox())
    private let wakeUp: WakeUp
    /// Whether the loop was told to look into its inbox.
    private let isCalled = Atomic<Bool>(false)
    private let end = Monitor(End.none)
    /// Held by whoever does what came too late for the loop.
    private let late = Monitor(())
    /// On the loop's thread.
    private var isStopping = false
    /// How many times the loop has waited for events, and how many events of its listener it was woken by.
    package let wakeUps = Atomic<Int>(0)

    /// Called on the loop's thread when its listener is ready; see ``watch(listener:)``.
    package var onListenerReady: (() -> Void)? {
        get { unsafe core.state.pointee.onListenerReady }
        set { unsafe core.state.pointee.onListenerReady = newValue }
    }

    /// - Parameter ring: whether an io_uring receives for served connections, where the kernel has one for us.
    package init(ring: Bool = false) throws(Errno) {
        wakeUp = try WakeUp()
        let memory = UnsafeMutablePointer<LoopState>.allocate(capacity: 1)
        do throws(Errno) { try unsafe LoopState.initialize(memory) } catch {
            unsafe memory.deallocate()
            throw error
        }
        unsafe core = LoopCore(state: memory)
        ringRefusal = ring ? core.makeRing() : nil
        unsafe memory.pointee.owner = Unmanaged.passUnretained(self)
        unsafe memory.pointee.executor = asUnownedTaskExecutor()
        unsafe memory.pointee.spot = ParkingSpot(core)
        try unsafe memory.pointee.epoll.add(
            wakeUp.descriptor.rawValue, [.readable, .edgeTriggered], token: LoopState.wakeUpToken)
    }

    deinit {
        unsafe core.state.deinitialize(count: 1)
        unsafe core.state.deallocate()
    }

    /// Starts the loop's thread. The loop lives until ``stop()``.
    package func start(name: String) throws(Errno) {
        try Thread.start(name: name) { self.run() }
    }

    /// Ends the loop, once what is in its inbox is done, and waits until its thread has nothing to do for the caller any
    /// more. The caller's connections must have ended.
    ///
    /// A client that a handler has handed to a task of its own may be left. Its loop goes on, unnoticed, until it is gone.
    package func stop() {
        inbox.withLock { $0.isStopped = true }
        wake()
        _ = end.wait { $0 == .none ? nil : true }
    }

    /// The loop whose thread the calling one is.
    package static var current: EventLoop? {
        guard let mark = unsafe Thread.mark, unsafe mark != ThreadExecutor.mark else { return nil }
        // A loop's mark stands only while its thread runs, which keeps the loop alive.
        return unsafe mark.assumingMemoryBound(to: LoopState.self).pointee.owner?.takeUnretainedValue()
    }

    // MARK: From any thread

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        if core.isCurrent {
            unsafe core.state.pointee.jobs.append(job)
        } else {
            runSoon(job)
        }
    }

    /// Has the loop call `body` on its thread, soon. Once the loop has ended it is called here: then nobody touches the
    /// loop's state but those who come as late.
    package func call(_ body: @escaping @Sendable () -> Void) {
        let isOver = inbox.withLock { inbox in
            if !inbox.isOver { inbox.calls.append(body) }
            return inbox.isOver
        }
        if isOver {
            _ = end.wait { $0 == .ended ? true : nil }
            late.withLock { _ in body() }
        } else {
            wake()
        }
    }

    private func wake() {
        // Once until the loop has looked.
        if !isCalled.exchange(true, ordering: .acquiringAndReleasing) { wakeUp.signal() }
    }

    // MARK: The loop's thread

    private func run() {
        unsafe Thread.mark = UnsafeRawPointer(core.state)
        core.enableRing()
        let events = EpollEventList(capacity: 512)
        while true {
            lookIntoInbox()
            runJobs()
            if isStopping, !hasMoreToDo, mayEnd() { break }
            let timeout = hasMoreToDo ? 0 : unsafe core.state.pointee.timeout
            if let ring = unsafe core.state.pointee.ring {
                unsafe core.turn(ring, timeout: timeout, epoll: { lookIntoEpoll(events) }) {
                    dispatch([.readable], LoopState.listenerToken)
                }
            } else {
                let count = wait(events, timeout: timeout)
                unsafe core.state.pointee.now = MonotonicTime.now.nanoseconds
                dispatch(events, count)
            }
            core.takeTurns()
            core.fireTimers()
        }
    }

    private func wait(_ events: borrowing EpollEventList, timeout: Int32) -> Int {
        // Only a descriptor that is none makes it fail, and this one is the loop's own.
        (try? unsafe core.state.pointee.epoll.wait(into: events, timeout: timeout)) ?? 0
    }

    private func dispatch(_ events: borrowing EpollEventList, _ count: Int) {
        for index in 0..<count { dispatch(EpollEvents(rawValue: events.events(index)), events.token(index)) }
    }

    /// Deals with all that epoll tells, where the ring tells of that.
    private func lookIntoEpoll(_ events: borrowing EpollEventList) {
        while true {
            let count = wait(events, timeout: 0)
            dispatch(events, count)
            if count < events.capacity { return }
        }
    }

    /// The loop was stopped, and everything that was to be done is. Whoever waits for that need not wait for clients that
    /// are left; the loop does.
    private func mayEnd() -> Bool {
        // They hold the service, which holds the loop.
        unsafe core.state.pointee.onListenerReady = nil
        unsafe core.state.pointee.onListenerPause = nil
        var isOver = false
        if unsafe core.state.pointee.channelCount == 0 {
            isOver = inbox.withLock { inbox in
                // What comes after this comes too late.
                inbox.isOver = inbox.jobs.isEmpty && inbox.calls.isEmpty
                return inbox.isOver
            }
            if !isOver { return false }
            core.endRing()
            unsafe Thread.mark = nil
        }
        let reached: End = isOver ? .ended : .service
        end.change { $0 = reached }
        return isOver
    }

    private func dispatch(_ events: EpollEvents, _ token: UInt64) {
        switch token {
        // Edge-triggered: it need not be read, another signal makes another edge.
        case LoopState.wakeUpToken: break
        case LoopState.listenerToken:
            wakeUps.add(1, ordering: .relaxed)
            unsafe core.state.pointee.onListenerReady?()
        default: if let channel = unsafe core.state.pointee.channel(token) { unsafe core.happened(events, channel) }
        }
    }

    /// Whether there is something to do at once, without an event.
    private var hasMoreToDo: Bool { unsafe !core.state.pointee.jobs.isEmpty || !core.state.pointee.turns.isEmpty }

    /// Does what other threads want.
    private func lookIntoInbox() {
        guard isCalled.load(ordering: .acquiring) else { return }
        // Before the look: what comes after it signals again.
        isCalled.store(false, ordering: .sequentiallyConsistent)
        let found = inbox.withLock { inbox in
            let found = inbox
            inbox.jobs = []
            inbox.calls = []
            return found
        }
        unsafe core.state.pointee.jobs += found.jobs
        for call in found.calls {
            call()
            core.settle()
        }
        isStopping = found.isStopped
    }

    /// Runs the jobs that were handed to the executor, but none of those that they make.
    private func runJobs() {
        guard unsafe !core.state.pointee.jobs.isEmpty else { return }
        var jobs: [UnownedJob] = []
        unsafe swap(&jobs, &core.state.pointee.jobs)
        for job in jobs { core.run(job, of: 0) }
        jobs.removeAll(keepingCapacity: true)
        if unsafe core.state.pointee.jobs.isEmpty { unsafe swap(&jobs, &core.state.pointee.jobs) }
    }

    /// Runs a job soon, from any thread.
    func runSoon(_ job: UnownedJob) {
        inbox.withLock { $0.jobs.append(job) }
        wake()
    }
}
