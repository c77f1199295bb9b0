import Glibc
import TestSupport
import Testing

@testable import BerthSystem

@Suite("Child processes")
struct SpawnTests {
    /// Runs a program to its end, with /dev/null as input, and returns what it wrote and how it ended.
    private func run(
        _ program: String, _ arguments: [String], environment: [String]? = nil
    ) throws -> (String, ProcessEnd) {
        let null = try Kernel.open("/dev/null")
        let output: Descriptor
        let pid: Int32
        do {
            // Closed here, so that the child has the only descriptor of the writing end.
            let pipe = try Kernel.pipe()
            output = try pipe.reading.duplicate()
            pid = try Kernel.spawn(
                program, arguments: arguments, environment: environment ?? Kernel.environment, input: null.rawValue,
                output: pipe.writing.rawValue, error: 2)
        }
        var text: [UInt8] = []
        while true {
            let piece = try readBytes(output.rawValue, 4096)
            if piece.isEmpty { break }
            text += piece
        }
        return (String(decoding: text, as: UTF8.self), try Kernel.waitForEnd(of: pid))
    }

    /// Calls `body` with the number of a `sleep`, and ends it.
    private func withSleeper<R>(_ body: (Int32) throws -> R) throws -> R {
        let null = try Kernel.open("/dev/null", .readWrite)
        let fd = null.rawValue
        let pid = try Kernel.spawn(
            "sleep", arguments: ["sleep", "600"], environment: Kernel.environment, input: fd, output: fd, error: fd)
        let result = Result { try body(pid) }
        try Kernel.signal(pid, SIGKILL)
        #expect(try Kernel.waitForEnd(of: pid) == .signalled(SIGKILL))
        return try result.get()
    }

    @Test("a child has exactly the descriptors 0, 1 and 2, also where this process has others that are inheritable")
    func descriptors() async throws {
        try await onThread {
            let pipe = try Kernel.pipe()
            let careless = try Kernel.open("/dev/null")
            try Kernel.setCloseOnExec(careless.rawValue, false)
            #expect(!isCloseOnExec(careless.rawValue))
            let names = try withSleeper { pid in
                // While it is loaded a program has its libraries open, one at a time.
                let patience = Deadline.after(.seconds(240))
                while true {
                    let names = try Kernel.names(inDirectory: "/proc/\(pid)/fd").sorted()
                    if names.count == 3 || patience.hasPassed { return names }
                }
            }
            #expect(names == ["0", "1", "2"])
            #expect(isCloseOnExec(pipe.reading.rawValue))
        }
    }

    @Test("standard input, output and error may be any of this process's descriptors, in any order")
    func order() async throws {
        try await onThread {
            let null = try Kernel.open("/dev/null")
            let zero = try Kernel.open("/dev/zero")
            let full = try Kernel.open("/dev/full", .write)
            let pid = try Kernel.spawn(
                "sleep", arguments: ["sleep", "600"], environment: [], input: zero.rawValue, output: full.rawValue,
                error: null.rawValue)
            let targets = (0...2).map { try? Kernel.linkTarget("/proc/\(pid)/fd/\($0)") }
            try Kernel.signal(pid, SIGKILL)
            _ = try Kernel.waitForEnd(of: pid)
            #expect(targets == ["/dev/zero", "/dev/full", "/dev/null"])
        }
    }

    @Test("signals are unblocked and at their defaults in a child, also those that this process ignores")
    func signals() async throws {
        try await onThread {
            Kernel.ignoreBrokenPipes()
            var blocked = sigset_t()
            sigemptyset(&blocked)
            sigaddset(&blocked, SIGTERM)
            pthread_sigmask(SIG_BLOCK, &blocked, nil)
            try withSleeper { pid in
                let (ignored, blocked) = (try processStatus(pid, "SigIgn"), try processStatus(pid, "SigBlk"))
                // 32 and 33 are the C library's own, which posix_spawn(3) of glibc leaves ignored.
                let bits = ignored.flatMap { UInt64($0, radix: 16) }
                #expect(bits.map { $0 & ~(0b11 << 31) } == 0)
                #expect(blocked == "0000000000000000")
            }
        }
    }

    @Test("a program is looked up in PATH, and gets its arguments and its environment")
    func lookup() async throws {
        try await onThread {
            let (text, end) = try run(
                "sh", ["sh", "-c", "echo \"$1,$NAME\"; exit 7", "sh", "a b"], environment: ["NAME=x y"])
            #expect(text == "a b,x y\n")
            #expect(end == .exited(code: 7))
            #expect(try run("true", ["true"]).1 == .exited(code: 0))
        }
    }

    @Test("how a child ended is told: its exit code or the signal")
    func ends() async throws {
        try await onThread {
            let (_, exit) = try run("sh", ["sh", "-c", "exit 255"])
            let (_, signal) = try run("sh", ["sh", "-c", "kill -TERM $$"])
            #expect(exit == .exited(code: 255))
            #expect(signal == .signalled(SIGTERM))
        }
    }

    @Test(
        "a program that cannot be started is an error at once",
        arguments: [
            ("berth-no-such-program", Errno.noSuchFile), ("/none/such", .noSuchFile), ("/dev/null", .permissionDenied),
        ])
    func missing(_ program: String, _ expected: Errno) {
        let error = #expect(throws: Errno.self) {
            try Kernel.spawn(program, arguments: [program], environment: [], input: 0, output: 1, error: 2)
        }
        #expect(error == expected)
    }

    @Test("a descriptor that is closed cannot be handed to a child")
    func closedDescriptor() {
        #expect(throws: Errno.badDescriptor) {
            try Kernel.spawn("true", arguments: ["true"], environment: [], input: -1, output: 1, error: 2)
        }
    }

    @Test("the descriptor of a process becomes readable when it ends")
    func processDescriptor() async throws {
        try await onThread {
            let descriptor = try withSleeper { pid in
                let descriptor = try Kernel.openProcess(pid)
                #expect(try Kernel.wait(for: .readable, on: descriptor.rawValue, until: .after(.zero)).isEmpty)
                return descriptor.release()
            }
            let owner = Descriptor(owning: descriptor)
            let found = try Kernel.wait(for: .readable, on: owner.rawValue, until: .after(.seconds(240)))
            #expect(found.contains(.readable))
        }
    }
}
