internal import CBerth
internal import Glibc

/// Threads of the operating system, for code that blocks.
package enum Thread {
    /// The stack of a thread unless told otherwise: 1 MiB of address space, of which only what is touched is used.
    package static let defaultStackSize = 1 << 20

    /// What the calling thread is said to be: `nil` until it says something. Whoever sets it outlives the thread, or sets
    /// it back.
    @inline(__always)
    package static var mark: UnsafeRawPointer? {
        get { unsafe UnsafeRawPointer(berth_thread_mark()) }
        set { unsafe berth_thread_set_mark(UnsafeMutableRawPointer(mutating: newValue)) }
    }

    /// The name of the calling thread. The corresponding C function is `pthread_getname_np(3)`.
    package static var currentName: String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 16) { name in
            guard let start = name.baseAddress, unsafe berth_thread_name(start, name.count) == 0 else { return "" }
            return unsafe String(cString: start)
        }
    }

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
        #if BERTH_FAULTS
        if case .fail(let errno) = SyscallFaults.next(.thread, -1) { throw errno }
        #endif
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
                // A new thread has the niceness of the one that started it. Where that is one of libdispatch's, it is 0,
                // whatever the program was started with (`man 7 sched`, "The nice value").
                berth_thread_take_niceness()
                start.body()
                return nil
            }, start.toOpaque())
        if result != 0 {
            unsafe start.release()
            throw Errno(rawValue: result)
        }
    }
}
