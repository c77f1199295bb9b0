/// Why a ring, or its buffers, could not be made: what was asked of the kernel, its answer, and a sentence.
package struct RingError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What was asked.
    package enum Step: String, Sendable {
        case setUp = "io_uring_setup"
        case map = "mmap of an io_uring"
        case enable = "io_uring_register to enable the ring"
        case registerBuffers = "io_uring_register of a buffer ring"
        case enter = "io_uring_enter"
        case probe = "io_uring_register to ask for operations"
        /// The kernel lacks something: ``RingError/lacking``.
        case feature = "io_uring"
    }

    package let step: Step
    package let errno: Errno
    /// What the kernel lacks, with the version that has it.
    package let lacking: String?
    /// The value of `kernel.io_uring_disabled`; `nil` where there is none.
    package let disabled: Int?

    package init(_ step: Step, _ errno: Errno, lacking: String? = nil, disabled: Int? = nil) {
        self.step = step
        self.errno = errno
        self.lacking = lacking
        self.disabled = disabled
    }

    /// The same with the setting that explains a refusal.
    init(asking step: Step, _ errno: Errno) {
        let isRefused = errno == .notPermitted || errno == .permissionDenied
        self.init(step, errno, disabled: isRefused ? Kernel.systemSetting("kernel/io_uring_disabled") : nil)
    }

    /// Makes a call, whose errno becomes an error with the step.
    static func asking<R: ~Copyable>(_ step: Step, _ body: () throws(Errno) -> R) throws(RingError) -> R {
        do throws(Errno) { return try body() } catch { throw RingError(asking: step, error) }
    }

    package var description: String { "\(step.rawValue) failed: \(reason) (\(errno.name))" }

    /// See: man 2 io_uring_setup, and Documentation/admin-guide/sysctl/kernel.rst.
    private var reason: String {
        if let lacking { return "the kernel lacks \(lacking)" }
        switch errno {
        case .notImplemented:
            return "the kernel has no io_uring, or a sandbox (seccomp, gVisor) hides it"
        case .notPermitted, .permissionDenied:
            switch disabled {
            case 2: return "kernel.io_uring_disabled is 2, which forbids it to everyone"
            case 1: return "kernel.io_uring_disabled is 1, which allows it to kernel.io_uring_group alone"
            default: return "a seccomp filter or a security module forbids it, as in many containers"
            }
        case .outOfMemory:
            return "the limit of locked memory (ulimit -l) or of the control group is reached"
        case .invalidArgument where step == .setUp:
            return "the kernel lacks DEFER_TASKRUN, which needs Linux 6.1"
        default:
            return errno.sentence
        }
    }
}
