import TestSupport
import Testing

@testable import BerthSystem

@Suite("Failures of rings")
struct RingFailureTests {
    @Test(
        "an error says what was asked, why it failed, and the errno",
        arguments: [
            (
                RingError(.setUp, .notImplemented),
                "io_uring_setup failed: the kernel has no io_uring, or a sandbox (seccomp, gVisor) hides it (ENOSYS)"
            ),
            (
                RingError(.setUp, .notPermitted, disabled: 2),
                "io_uring_setup failed: kernel.io_uring_disabled is 2, which forbids it to everyone (EPERM)"
            ),
            (
                RingError(.setUp, .notPermitted, disabled: 1),
                "io_uring_setup failed: kernel.io_uring_disabled is 1, which allows it to kernel.io_uring_group alone "
                    + "(EPERM)"
            ),
            (
                RingError(.setUp, .notPermitted, disabled: 0),
                "io_uring_setup failed: a seccomp filter or a security module forbids it, as in many containers (EPERM)"
            ),
            (
                RingError(.enter, .permissionDenied),
                "io_uring_enter failed: a seccomp filter or a security module forbids it, as in many containers "
                    + "(EACCES)"
            ),
            (
                RingError(.registerBuffers, .outOfMemory),
                "io_uring_register of a buffer ring failed: the limit of locked memory (ulimit -l) or of the control "
                    + "group is reached (ENOMEM)"
            ),
            (
                RingError(.setUp, .invalidArgument),
                "io_uring_setup failed: the kernel lacks DEFER_TASKRUN, which needs Linux 6.1 (EINVAL)"
            ),
            (
                RingError(.feature, .notSupported, lacking: "one of the operations that a server needs"),
                "io_uring failed: the kernel lacks one of the operations that a server needs (EOPNOTSUPP)"
            ),
            (
                RingError(.setUp, .tooManyOpenFiles),
                "io_uring_setup failed: this process is out of descriptors (EMFILE)"
            ),
        ])
    func sentences(error: RingError, sentence: String) {
        #expect(error.description == sentence)
    }

    #if BERTH_FAULTS
    /// What a look for support finds with a call that fails.
    private func look(_ call: Syscall, after: Int = 0, times: Int = .max, _ errno: Errno) async throws -> RingSupport {
        try await onThread {
            SyscallFaults.onThisThread(call, after: after, times: times, .fail(errno)) { RingSupport.look() }
        }
    }

    @Test("a kernel without io_uring, or one that forbids it, is told of in a sentence")
    func support() async throws {
        #expect(
            try await look(.ringSetup, .notImplemented)
                == .unavailable(
                    "io_uring_setup failed: the kernel has no io_uring, or a sandbox (seccomp, gVisor) hides it "
                        + "(ENOSYS)"))
        #expect(
            try await look(.ringSetup, .invalidArgument)
                == .unavailable(
                    "io_uring_setup failed: the kernel lacks DEFER_TASKRUN, which needs Linux 6.1 (EINVAL)"))
        #expect(
            try await look(.ringMap, .outOfMemory)
                == .unavailable(
                    "mmap of an io_uring failed: the limit of locked memory (ulimit -l) or of the control group is "
                        + "reached (ENOMEM)"))
    }

    @Test("a sandbox that allows a ring but not its use is noticed", .enabled(if: hasRings, ringsAreMissing))
    func sandbox() async throws {
        #expect(
            try await look(.ringRegister, .invalidArgument)
                == .unavailable("io_uring_register to ask for operations failed: an argument is invalid (EINVAL)"))
        #expect(
            try await look(.ringEnter, .notImplemented)
                == .unavailable(
                    "io_uring_enter failed: the kernel has no io_uring, or a sandbox (seccomp, gVisor) hides it "
                        + "(ENOSYS)"))
    }

    @Test("a refusal by the kernel is found where this one has rings", .enabled(if: hasRings, ringsAreMissing))
    func forbidden() async throws {
        #expect(
            try await look(.ringSetup, .notPermitted)
                == .unavailable(
                    "io_uring_setup failed: a seccomp filter or a security module forbids it, as in many containers "
                        + "(EPERM)"))
    }

    @Test("an older kernel's ring does the same", .enabled(if: hasRings, ringsAreMissing))
    func older() async throws {
        try await onThread {
            // Without NO_SQARRAY, and without a place in the table of the thread.
            let box = try SyscallFaults.onThisThread(.ringRegister, .fail(.invalidArgument)) {
                try SyscallFaults.onThisThread(.ringSetup, .fail(.invalidArgument)) { RingBox(try Ring.small()) }
            }
            for token in 0..<100 as Range<UInt64> { box.ring.nothing(token: token) }
            #expect(try box.ring.wait(for: 100).map(\.token) == Array(0..<100))
        }
    }

    @Test(
        "requests that the kernel does not take stay, in order", .enabled(if: hasRings, ringsAreMissing),
        arguments: [Errno.busy, .wouldBlock])
    func refused(errno: Errno) async throws {
        try await onThread {
            var ring = try Ring(capacity: 4, completions: 256)
            let fd = ring.descriptor.rawValue
            SyscallFaults.inject(.ringEnter, on: fd, times: .max, .fail(errno))
            for token in 0..<200 as Range<UInt64> { ring.nothing(token: token) }
            #expect(try ring.submitAndWait() == 0)
            #expect(ring.inFlightCount == 200)
            SyscallFaults.clear(descriptor: fd)
            for token in 200..<210 as Range<UInt64> { ring.nothing(token: token) }
            #expect(try ring.wait(for: 210).map(\.token) == Array(0..<210))
            #expect(ring.inFlightCount == 0)
        }
    }

    @Test(
        "a wait that a signal interrupts returns, and hands over the next time", .enabled(if: hasRings, ringsAreMissing)
    )
    func interrupted() async throws {
        try await onThread {
            var ring = try Ring.small()
            ring.nothing(token: 1)
            SyscallFaults.inject(.ringEnter, on: ring.descriptor.rawValue, .fail(.interrupted))
            #expect(try ring.submitAndWait() == 0)
            #expect(try ring.submitAndWait() == 1)
        }
    }

    @Test("a failure that does not go away by itself is an error", .enabled(if: hasRings, ringsAreMissing))
    func fails() async throws {
        try await onThread {
            var ring = try Ring.small()
            SyscallFaults.inject(.ringEnter, on: ring.descriptor.rawValue, .fail(.badDescriptor))
            #expect(throws: Errno.badDescriptor) { try ring.submitAndWait() }
        }
    }
    #endif
}
