internal import CBerth
internal import Glibc

/// Threads of the operating system, for code that blocks.
package enum Thread {
    /// The stack of a thread unless told otherwise: 1 MiB of address space, of which only what is touched is used.
    package static let defaultStackSize = 1 << 20

    private final class Start {
        let name: String
        let body: @Sendable () -> Void
        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }

    /// Starts a detached thread that runs `body`.
    ///
    /// - Parameter name: what `ps -L` and debuggers show; cut to 15 bytes (`man 3 pthread_setname_np`).
    /// - Throws: `.wouldBlock` when the limit of threads is reached (`man 3 pthread_create`).
    package static func start(
        name: String, stackSize: Int = defaultStackSize, _ body: @escaping @Sendable () -> Void
    ) throws(Errno) {
        var attributes = pthread_attr_t()
        unsafe pthread_attr_init(&attributes)
        defer { unsafe pthread_attr_destroy(&attributes) }
        unsafe pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        unsafe pthread_attr_setstacksize(&attributes, stackSize)
        var thread = pthread_t()
        let start = unsafe Unmanaged.passRetained(Start(name: name, body: body))
        let result = unsafe pthread_create(
            &thread, &attributes,
            { argument in
                guard let argument = unsafe argument else { return nil }
                let start = unsafe Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
                var name = start.name
                while name.utf8.count > 15 { name.removeLast() }
                unsafe name.withCString { _ = unsafe berth_thread_set_name($0) }
                start.body()
                return nil
            }, start.toOpaque())
        if result != 0 {
            unsafe start.release()
            throw Errno(rawValue: result)
        }
    }
}

/// A condition that threads wait for: a mutex, a condition variable, and the state they guard.
///
/// The condition variable uses the monotonic clock.
package final class Monitor<State>: @unchecked Sendable {
    // Unchecked: `state` is only touched between lock and unlock of `mutex`.
    private var state: State
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>

    package init(_ state: sending State) {
        self.state = state
        unsafe mutex = .allocate(capacity: 1)
        unsafe condition = .allocate(capacity: 1)
        unsafe pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        unsafe pthread_condattr_init(&attributes)
        unsafe pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        unsafe pthread_cond_init(condition, &attributes)
        unsafe pthread_condattr_destroy(&attributes)
    }

    deinit {
        unsafe pthread_cond_destroy(condition)
        unsafe pthread_mutex_destroy(mutex)
        unsafe condition.deallocate()
        unsafe mutex.deallocate()
    }

    /// Calls `body` with the state, alone, and then wakes all waiters.
    package func change<R, E: Error>(_ body: (inout State) throws(E) -> sending R) throws(E) -> sending R {
        unsafe pthread_mutex_lock(mutex)
        defer {
            unsafe pthread_cond_broadcast(condition)
            unsafe pthread_mutex_unlock(mutex)
        }
        return try body(&state)
    }

    /// Calls `body` with the state, alone, without waking anyone.
    package func withLock<R, E: Error>(_ body: (inout State) throws(E) -> sending R) throws(E) -> sending R {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        return try body(&state)
    }

    /// Waits until `body` returns a value, calling it again after every change; `nil` when the deadline passes first.
    package func wait<R>(until deadline: Deadline = .never, _ body: (inout State) -> sending R?) -> sending R? {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        while true {
            if let result = body(&state) { return result }
            if let time = deadline.time {
                if time <= .now { return nil }
                var moment = timespec(
                    tv_sec: Int(time.nanoseconds / 1_000_000_000), tv_nsec: Int(time.nanoseconds % 1_000_000_000))
                _ = unsafe pthread_cond_timedwait(condition, mutex, &moment)
            } else {
                unsafe pthread_cond_wait(condition, mutex)
            }
        }
    }
}
