internal import CBerth
internal import Glibc

/// The system calls: the only place of Berth where they are made.
///
/// Each wrapper is named in Swift and says which C function it is. All throw ``Errno``, retry when a signal
/// interrupts them, and make descriptors close-on-exec from birth.
package enum Kernel {
    /// The kernel's id of the calling thread. The corresponding C function is `gettid(2)`.
    package static var threadID: Int32 { berth_thread_id() }

    /// The monotonic clock in nanoseconds. The corresponding C function is `clock_gettime(2)`.
    package static var monotonicNow: Int64 { berth_monotonic_now() }

    /// Makes a call until it is not interrupted, and throws its errno when it fails (returns a negative number).
    @inline(__always)
    static func retrying<R: SignedInteger>(
        _ call: Syscall, _ descriptor: Int32 = -1, _ body: () -> R
    ) throws(Errno) -> R {
        while true {
            #if BERTH_FAULTS
            if case .fail(let errno) = SyscallFaults.next(call, descriptor) {
                if errno == .interrupted { continue }
                throw errno
            }
            #endif
            let result = body()
            if result >= 0 { return result }
            let errno = Errno.current
            if errno != .interrupted { throw errno }
        }
    }

    /// The same for calls that move bytes, where the fault layer may also make them partial; an interruption is an error
    /// like any other unless it `resumes`.
    @inline(__always)
    static func transferring(
        _ call: Syscall, _ descriptor: Int32, _ count: Int, resumes: Bool = true, _ body: (_ count: Int) -> Int
    ) throws(Errno) -> Int {
        while true {
            var allowed = count
            #if BERTH_FAULTS
            switch SyscallFaults.next(call, descriptor) {
            case .fail(.interrupted) where resumes: continue
            case .fail(let errno): throw errno
            case .atMost(let limit): allowed = min(count, limit)
            case nil: break
            }
            #endif
            let result = body(allowed)
            if result >= 0 { return result }
            let errno = Errno.current
            if errno != .interrupted || !resumes { throw errno }
        }
    }
}
