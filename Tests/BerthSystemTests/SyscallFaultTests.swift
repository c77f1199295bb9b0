import TestSupport
import Testing

@testable import BerthSystem

#if BERTH_FAULTS
@Suite("Injected faults")
struct SyscallFaultTests {
    /// What `count` writes of five bytes to `fd` do: how many bytes were taken, or the error.
    private func write(_ count: Int, to fd: Int32) -> [Result<Int, Errno>] {
        (0..<count).map { _ in
            Result { () throws(Errno) in
                try withUnsafeBytes(of: (1, 2, 3, 4, 5) as (UInt8, UInt8, UInt8, UInt8, UInt8)) {
                    (bytes) throws(Errno) in try Kernel.write(fd, bytes)
                }
            }
        }
    }

    @Test("the first calls pass, the next are faulted, the others pass again")
    func afterAndTimes() throws {
        let pipe = try Kernel.pipe()
        SyscallFaults.inject(.write, on: pipe.writing.rawValue, after: 2, times: 2, .fail(.noSpaceOnDevice))
        let full = Result<Int, Errno>.failure(.noSpaceOnDevice)
        #expect(
            write(6, to: pipe.writing.rawValue) == [.success(5), .success(5), full, full, .success(5), .success(5)])
    }

    @Test("a fault belongs to its descriptor and its call")
    func perDescriptor() throws {
        let pipe = try Kernel.pipe()
        let other = try Kernel.pipe()
        SyscallFaults.inject(.write, on: pipe.writing.rawValue, times: .max, .fail(.ioError))
        #expect(write(1, to: other.writing.rawValue) == [.success(5)])
        #expect(write(1, to: pipe.writing.rawValue) == [.failure(.ioError)])
        #expect(try pipe.writing.duplicate().rawValue >= 3)
        SyscallFaults.clear(descriptor: pipe.writing.rawValue)
        #expect(write(1, to: pipe.writing.rawValue) == [.success(5)])
    }

    @Test("a fault of a thread does not reach other threads, and ends with its scope")
    func perThread() async throws {
        try await onThread {
            let pipe = try Kernel.pipe()
            let fd = pipe.writing.rawValue
            let seen = Monitor<[Result<Int, Errno>]?>(nil)
            try SyscallFaults.onThisThread(.write, times: .max, .fail(.ioError)) {
                #expect(write(1, to: fd) == [.failure(.ioError)])
                try Thread.start(name: "other") {
                    let result = write(1, to: fd)
                    seen.change { $0 = result }
                }
                #expect(seen.wait { $0 } == [.success(5)])
            }
            #expect(write(1, to: fd) == [.success(5)])
        }
    }

    @Test("a scope within another one of the same call leaves the outer one alone")
    func nested() async throws {
        try await onThread {
            let pipe = try Kernel.pipe()
            let fd = pipe.writing.rawValue
            SyscallFaults.onThisThread(.write, times: .max, .fail(.ioError)) {
                SyscallFaults.onThisThread(.write, times: .max, .fail(.noSpaceOnDevice)) {}
                #expect(write(1, to: fd) == [.failure(.ioError)])
            }
        }
    }

    @Test("a transfer can be made partial")
    func partial() throws {
        let pipe = try Kernel.pipe()
        SyscallFaults.inject(.write, on: pipe.writing.rawValue, times: 2, .atMost(2))
        #expect(write(3, to: pipe.writing.rawValue) == [.success(2), .success(2), .success(5)])
        SyscallFaults.inject(.read, on: pipe.reading.rawValue, .atMost(3))
        #expect(try readBytes(pipe.reading.rawValue) == [1, 2, 1])
        #expect(try readBytes(pipe.reading.rawValue) == [2, 1, 2, 3, 4, 5])
    }

    @Test("writing all goes on after partial writes")
    func writeAll() throws {
        let pipe = try Kernel.pipe()
        SyscallFaults.inject(.write, on: pipe.writing.rawValue, times: 100, .atMost(3))
        let bytes = [UInt8](0..<50)
        try bytes.withUnsafeBytes { try Kernel.writeAll(pipe.writing.rawValue, $0) }
        #expect(try readBytes(pipe.reading.rawValue) == bytes)
    }

    @Test("the faults of a descriptor end when it is closed, before its number is used again")
    func clearedByClose() throws {
        let pipe = try Kernel.pipe()
        let number: Int32
        do {
            let copy = try Kernel.duplicate(pipe.writing.rawValue, lowest: 800)
            number = copy.rawValue
            SyscallFaults.inject(.write, on: number, times: .max, .fail(.ioError))
            #expect(write(1, to: number) == [.failure(.ioError)])
            _ = consume copy
        }
        let again = try Kernel.duplicate(pipe.writing.rawValue, lowest: number)
        #expect(write(1, to: again.rawValue) == [.success(5)])
    }

    @Test("spawning can be made to fail")
    func spawn() {
        let error = #expect(throws: Errno.self) {
            try SyscallFaults.onThisThread(.spawn, .fail(.outOfMemory)) { () throws(Errno) in
                try Kernel.spawn("true", arguments: ["true"], environment: [], input: 0, output: 1, error: 2)
            }
        }
        #expect(error == .outOfMemory)
    }
}
#endif
