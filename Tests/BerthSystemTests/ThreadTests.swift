import TestSupport
import Testing

@testable import BerthSystem

@Suite("Threads, monitors and wake-ups")
struct ThreadTests {
    @Test(
        "a thread has the name that was asked for, cut to 15 bytes between two characters",
        arguments: [
            ("short", "short"), ("exactly-15-byte", "exactly-15-byte"), ("berth-connection-17", "berth-connectio"),
            ("ääääääääää", "äääääää"), ("", ""),
        ])
    func name(_ asked: String, _ shown: String) async throws {
        let found = Monitor<String?>(nil)
        try Thread.start(name: asked) {
            let path = "/proc/self/task/\(Kernel.threadID)/comm"
            let text = (try? Kernel.contents(of: path)).map { String(decoding: $0, as: UTF8.self) } ?? "unreadable"
            found.change { $0 = text }
        }
        let comm = try await onThread { found.wait { $0 } }
        // Without a name it keeps that of the thread that started it.
        if !asked.isEmpty { #expect(comm == shown + "\n") }
    }

    @Test("a waiter sees every change, and gets its value out")
    func wait() async throws {
        let sum = Monitor(0)
        for _ in 0..<8 {
            try Thread.start(name: "adder") { for _ in 0..<500 { sum.change { $0 += 1 } } }
        }
        let reached = try await onThread { sum.wait { $0 == 4000 ? "done at \($0)" : nil } }
        #expect(reached == "done at 4000")
    }

    @Test("a wait ends at its deadline, not before, and a state that fits already needs none")
    func deadline() async throws {
        try await onThread {
            let monitor = Monitor(1)
            let deadline = Deadline.after(.milliseconds(30))
            let nothing: Int? = monitor.wait(until: deadline) { $0 == 2 ? $0 : nil }
            #expect(nothing == nil && deadline.hasPassed)
            let past = Deadline(time: MonotonicTime(nanoseconds: -1))
            let never: Int? = monitor.wait(until: past) { $0 == 2 ? $0 : nil }
            #expect(never == nil)
            let present: Int? = monitor.wait(until: past) { $0 }
            #expect(present == 1)
        }
    }

    @Test("an error that leaves the monitor leaves it unlocked")
    func throwing() throws {
        let monitor = Monitor(1)
        #expect(throws: Errno.ioError) {
            try monitor.change { (state) throws(Errno) in
                state = 2
                throw .ioError
            }
        }
        #expect(throws: Errno.ioError) { try monitor.withLock { (_) throws(Errno) in throw .ioError } }
        #expect(monitor.withLock { $0 } == 2)
    }

    @Test("a wake-up is readable from the first signal until it is cleared, however many there were")
    func wakeUp() throws {
        let wakeUp = try WakeUp()
        func isReadable() throws -> Bool {
            try !Kernel.wait(for: .readable, on: wakeUp.descriptor.rawValue, until: .after(.zero)).isEmpty
        }
        #expect(try !isReadable())
        wakeUp.clear()
        for _ in 0..<3 { wakeUp.signal() }
        WakeUp.signal(wakeUp.descriptor.rawValue)
        #expect(try isReadable() && isReadable())
        wakeUp.clear()
        #expect(try !isReadable())
    }

    @Test("a wake-up wakes a thread that polls it")
    func wakesPoller() async throws {
        try await onThread {
            let wakeUp = try WakeUp()
            let number = wakeUp.descriptor.rawValue
            try Thread.start(name: "waker") { WakeUp.signal(number) }
            var entries = [PollEntry(number, .readable)]
            #expect(try Kernel.poll(&entries, until: .after(.seconds(240))) == 1)
            #expect(entries[0].found == .readable)
        }
    }
}
