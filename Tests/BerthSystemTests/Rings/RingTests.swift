import Glibc
import TestSupport
import Testing

@testable import BerthSystem

@Suite("Rings", .enabled(if: hasRings, ringsAreMissing))
struct RingTests {
    @Test("each request has one completion, with its token")
    func tokens() async throws {
        try await onThread {
            var ring = try Ring.small()
            for token in [7, .max, 0] as [UInt64] { ring.nothing(token: token) }
            #expect(ring.inFlightCount == 3)
            #expect(ring.nextCompletion() == nil)
            let found = try ring.wait(for: 3)
            #expect(found.map(\.token) == [7, .max, 0])
            #expect(found.allSatisfy { $0.result == 0 && $0.errno == nil && !$0.isMoreToCome && $0.bufferID == nil })
            #expect(ring.inFlightCount == 0)
        }
    }

    @Test("a wait ends with nothing when its time has passed, and not before")
    func timeout() async throws {
        try await onThread {
            var ring = try Ring.small()
            let start = MonotonicTime.now
            #expect(try ring.submitAndWait(atLeast: 1, nanoseconds: 20_000_000) == 0)
            #expect(MonotonicTime.now.duration(since: start) >= .milliseconds(20))
            #expect(ring.nextCompletion() == nil)
        }
    }

    @Test("a look without waiting hands over and returns what is there")
    func look() async throws {
        try await onThread {
            var ring = try Ring.small()
            #expect(try ring.submitAndWait(atLeast: 1, nanoseconds: 0) == 0)
            ring.nothing(token: 1)
            #expect(try ring.submitAndWait(atLeast: 1, nanoseconds: 0) == 1)
            #expect(try ring.submitAndWait(atLeast: 1) == 1, "what was not looked at stays in the batch")
            #expect(ring.nextCompletion()?.token == 1)
        }
    }

    @Test("requests made while a batch is looked through belong to the next one")
    func batches() async throws {
        try await onThread {
            var ring = try Ring.small()
            ring.nothing(token: 1)
            #expect(try ring.submitAndWait() == 1)
            for token in 2...40 as ClosedRange<UInt64> { ring.nothing(token: token) }
            #expect(ring.availableCount == 1)
            #expect(ring.nextCompletion()?.token == 1)
            #expect(ring.nextCompletion() == nil)
            #expect(try ring.wait(for: 39).map(\.token) == Array(2...40))
        }
    }

    @Test("more requests than the queue holds are handed over on the way, in order")
    func moreThanCapacity() async throws {
        try await onThread {
            var ring = try Ring(capacity: 4, completions: 1024)
            for token in 0..<1000 as Range<UInt64> { ring.nothing(token: token) }
            #expect(try ring.wait(for: 1000).map(\.token) == Array(0..<1000))
            #expect(ring.overflowCount == 0 && ring.inFlightCount == 0)
        }
    }

    @Test("more completions than the queue holds are kept aside, counted, and not lost")
    func overflow() async throws {
        try await onThread {
            var ring = try Ring(capacity: 4, completions: 8)
            for token in 0..<1000 as Range<UInt64> { ring.nothing(token: token) }
            #expect(try ring.submitAndWait() == 8)
            #expect(ring.overflowCount == 1)
            #expect(try ring.wait(for: 1000).map(\.token) == Array(0..<1000))
            #expect(ring.overflowCount > 10)
            let count = ring.overflowCount
            ring.nothing(token: 1)
            #expect(try ring.wait(for: 1).count == 1)
            #expect(ring.overflowCount == count, "nothing is aside any more")
        }
    }

    @Test("a ring made disabled belongs to the thread that enables it, and to no other")
    func disabled() async throws {
        let box = RingBox(try Ring(capacity: 4, completions: 8, isDisabled: true))
        #expect(throws: Errno(rawValue: EBADFD)) { try box.ring.submitAndWait(nanoseconds: 0) }
        box.ring.nothing(token: 5)
        let done = Monitor<[UInt64]?>(nil)
        let release = Monitor(false)
        try Thread.start(name: "ring") {
            let tokens = Result {
                try box.ring.enable()
                return try box.ring.wait(for: 1).map(\.token)
            }
            done.change { $0 = (try? tokens.get()) ?? [] }
            _ = release.wait { $0 ? true : nil }
        }
        #expect(done.wait(until: .after(ringTestLimit)) { $0 } == [5])
        // EBADF, because the ring is known to its thread by an index of that thread's own; EEXIST where it is not.
        let error = #expect(throws: Errno.self) { try box.ring.submitAndWait(nanoseconds: 0) }
        #expect(error == .badDescriptor || error == .fileExists)
        release.change { $0 = true }
    }

    @Test("the descriptor is close-on-exec, and readable when there are completions")
    func descriptor() async throws {
        try await onThread {
            var ring = try Ring.small()
            let fd = ring.descriptor.rawValue
            #expect(isCloseOnExec(fd))
            #expect(try Kernel.wait(for: .readable, on: fd, until: .after(.zero)).isEmpty)
            ring.nothing(token: 1)
            ring.submit()
            #expect(try Kernel.wait(for: .readable, on: fd, until: .after(ringTestLimit)) == .readable)
            #expect(try ring.wait(for: 1).count == 1)
        }
    }

    @Test("no descriptor is left of rings that have ended")
    func noneLeft() async throws {
        try await onThread {
            func ringCount() throws -> Int {
                try Kernel.names(inDirectory: "/proc/self/fd")
                    .count { (try? Kernel.linkTarget("/proc/self/fd/\($0)")) == "anon_inode:[io_uring]" }
            }
            let before = try ringCount()
            for _ in 0..<200 {
                var ring = try Ring(capacity: 4, completions: 8)
                let buffers = try BufferRing(ring, group: 1, count: 4, size: 64)
                ring.nothing(token: 1)
                #expect(try ring.submitAndWait() == 1)
                try buffers.remove(from: ring)
            }
            // Other tests have rings of their own meanwhile.
            #expect(try ringCount() < before + 100)
        }
    }

    @Test("the numbers that are inlined are those of the C library")
    func numbers() {
        #expect(RingInterface.closeOnExec == UInt32(SOCK_CLOEXEC.rawValue))
        #expect(RingInterface.nonBlocking == UInt32(SOCK_NONBLOCK.rawValue))
        #expect(RingInterface.noSignal == UInt32(MSG_NOSIGNAL))
        #expect(RingInterface.waitForAll == UInt32(MSG_WAITALL))
    }
}
