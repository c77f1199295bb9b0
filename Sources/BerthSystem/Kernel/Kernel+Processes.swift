internal import CBerth
internal import Glibc

/// How a child process ended.
package enum ProcessEnd: Sendable, Hashable {
    case exited(code: Int32)
    case signalled(Int32)
}

extension Kernel {
    /// Starts a program with standard input, output and error, and as a rule with nothing else open.
    ///
    /// Signals are at their defaults and unblocked in the child. The corresponding C function is `posix_spawn(3)`.
    ///
    /// - Parameters:
    ///   - program: a path, or a name that is looked up in PATH.
    ///   - arguments: the whole argument vector, the program's name first.
    ///   - environment: `NAME=value` texts.
    ///   - ownGroup: whether it leads a process group of its own, so that a terminal's ^C does not reach it, and its
    ///     children can be signalled together with it.
    ///   - closesOthers: whether nothing else is open in it; otherwise it has what is not close-on-exec.
    package static func spawn(
        _ program: String, arguments: [String], environment: [String], input: Int32, output: Int32, error: Int32,
        ownGroup: Bool = false, closesOthers: Bool = true
    ) throws(Errno) -> Int32 {
        #if BERTH_FAULTS
        if case .fail(let errno) = SyscallFaults.next(.spawn, -1) { throw errno }
        #endif
        var actions = posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        unsafe posix_spawn_file_actions_init(&actions)
        unsafe posix_spawnattr_init(&attributes)
        defer {
            unsafe posix_spawn_file_actions_destroy(&actions)
            unsafe posix_spawnattr_destroy(&attributes)
        }
        // Through high numbers first, so that no source is overwritten before it is copied.
        let standardInput = try duplicate(input, lowest: 3)
        let standardOutput = try duplicate(output, lowest: 3)
        let standardError = try duplicate(error, lowest: 3)
        unsafe posix_spawn_file_actions_adddup2(&actions, standardInput.rawValue, 0)
        unsafe posix_spawn_file_actions_adddup2(&actions, standardOutput.rawValue, 1)
        unsafe posix_spawn_file_actions_adddup2(&actions, standardError.rawValue, 2)
        if closesOthers { unsafe berth_spawn_closefrom(&actions, 3) }
        var all = sigset_t()
        var none = sigset_t()
        unsafe sigfillset(&all)
        unsafe sigemptyset(&none)
        unsafe posix_spawnattr_setsigdefault(&attributes, &all)
        unsafe posix_spawnattr_setsigmask(&attributes, &none)
        var flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK
        if ownGroup { flags |= POSIX_SPAWN_SETPGROUP }
        unsafe posix_spawnattr_setflags(&attributes, Int16(flags))

        var pid: pid_t = 0
        let result = unsafe withCStrings(arguments) { arguments in
            unsafe withCStrings(environment) { environment in
                unsafe posix_spawnp(&pid, program, &actions, &attributes, arguments, environment)
            }
        }
        if result != 0 { throw Errno(rawValue: result) }
        return pid
    }

    /// Calls `body` with the texts as a null-terminated array of C strings.
    static func withCStrings<R>(
        _ texts: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> R
    ) -> R {
        let copies = unsafe texts.map { unsafe strdup($0) } + [nil]
        defer { unsafe copies.forEach { unsafe free($0) } }
        return unsafe copies.withUnsafeBufferPointer { unsafe body($0.baseAddress!) }  // never empty: ends in nil
    }

    /// Waits until a child ends. The corresponding C function is `waitpid(2)`.
    package static func waitForEnd(of pid: Int32) throws(Errno) -> ProcessEnd {
        var status: Int32 = 0
        _ = try retrying(.wait) { unsafe waitpid(pid, &status, 0) }
        return ProcessEnd(status: status)
    }

    /// A descriptor that becomes readable when the process ends. The corresponding C function is `pidfd_open(2)`.
    package static func openProcess(_ pid: Int32) throws(Errno) -> Descriptor {
        Descriptor(owning: try retrying(.open) { berth_pidfd_open(pid) })
    }

    /// Sends a signal to a process. The corresponding C function is `kill(2)`.
    package static func signal(_ pid: Int32, _ signal: Int32) throws(Errno) {
        if kill(pid, signal) < 0 { throw .current }
    }

    /// Sends a signal to a process that leads a group, and to all others of it. The corresponding C function is
    /// `kill(2)` with a negative number.
    package static func signal(group leader: Int32, _ signal: Int32) throws(Errno) {
        if kill(-leader, signal) < 0 { throw .current }
    }

    /// The environment of this process as `NAME=value` texts.
    package static var environment: [String] {
        var texts: [String] = []
        // NULL after clearenv(3).
        guard var next = unsafe berth_environment() else { return texts }
        while let text = unsafe next.pointee {
            texts.append(unsafe String(cString: text))
            unsafe next += 1
        }
        return texts
    }

    /// How many processors this thread may run on, at least 1. The corresponding C function is `sched_getaffinity(2)`.
    package static var processorCount: Int { max(1, Int(berth_processor_count())) }

    /// The process's limit of descriptors. The corresponding C function is `getrlimit(2)` with RLIMIT_NOFILE.
    package static var descriptorLimit: Int {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
        return Int(clamping: limit.rlim_cur)
    }

    /// Raises the soft limit of descriptors of this process to its hard limit.
    package static func raiseDescriptorLimit() throws(Errno) {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { throw .current }
        try setDescriptorLimit(Int(clamping: limit.rlim_max))
    }

    /// Sets the soft limit of descriptors of this process.
    package static func setDescriptorLimit(_ count: Int) throws(Errno) {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { throw .current }
        limit.rlim_cur = rlim_t(count)
        guard unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { throw .current }
    }
}
