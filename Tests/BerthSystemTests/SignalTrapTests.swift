import Glibc
import TestSupport
import Testing

@testable import BerthSystem

// One after the other: what a signal does is set for the whole process.
@Suite("Signal traps", .serialized)
struct SignalTrapTests {
    /// Waits for the next signal of the trap.
    private func next(_ trap: borrowing SignalTrap) throws -> Signal? {
        if try Kernel.wait(for: .readable, on: trap.descriptor, until: .after(.seconds(240))).isEmpty { return nil }
        return trap.next()
    }

    private func raise() throws { try Kernel.signal(Kernel.processID, SIGUSR1) }

    /// Sets what SIGUSR1 does and returns what it did; `nil` only looks.
    private func action(_ new: sigaction?) -> sigaction {
        var old = sigaction()
        if var new { sigaction(SIGUSR1, &new, &old) } else { sigaction(SIGUSR1, nil, &old) }
        return old
    }

    private func isIgnored() -> Bool { unsafeBitCast(action(nil).__sigaction_handler, to: Int.self) == 1 }

    private func ignoring<R>(_ body: () throws -> R) rethrows -> R {
        var ignore = sigaction()
        ignore.__sigaction_handler = unsafeBitCast(1, to: type(of: ignore.__sigaction_handler))  // SIG_IGN
        let before = action(ignore)
        defer { _ = action(before) }
        return try body()
    }

    @Test("a trapped signal is delivered to the descriptor, and one trap is told as often as it came")
    func delivers() async throws {
        try await onThread {
            try ignoring {
                let trap = try SignalTrap([.user1])
                #expect(trap.next() == nil)
                try raise()
                #expect(try next(trap) == .user1)
                #expect(trap.next() == nil)
                #expect(isCloseOnExec(trap.descriptor))
            }
        }
    }

    @Test("what the signal did before is back when the trap is gone")
    func restores() async throws {
        try await onThread {
            try ignoring {
                do {
                    let trap = try SignalTrap([.user1])
                    #expect(!isIgnored())
                    _ = consume trap
                }
                #expect(isIgnored())
                try raise()  // would end the process otherwise
            }
        }
    }

    @Test("two traps of one signal both get it, and the one that stays still gets it when the other is gone")
    func twoTraps() async throws {
        try await onThread {
            try ignoring {
                let second: SignalTrap
                do {
                    let first = try SignalTrap([.user1])
                    second = try SignalTrap([.user1])
                    try raise()
                    #expect(try next(first) == .user1)
                    #expect(try next(second) == .user1)
                    _ = consume first
                }
                #expect(!isIgnored())
                try raise()
                #expect(try next(second) == .user1)
                _ = consume second
                #expect(isIgnored())
            }
        }
    }

    @Test("a signal that cannot be trapped is an error, and leaves the others as they were")
    func impossible() throws {
        ignoring {
            let error = #expect(throws: Errno.self) { _ = try SignalTrap([.user1, .kill]) }
            #expect(error == .invalidArgument)
            #expect(isIgnored())
        }
    }

    @Test("signals have their C names")
    func names() {
        #expect(
            [Signal.interrupt, .terminate, .kill, .user1].map(\.name) == ["SIGINT", "SIGTERM", "SIGKILL", "SIGUSR1"])
        #expect(Signal(rawValue: SIGHUP).name == "SIGHUP")
        #expect(Signal(rawValue: 64).name == "signal 64")
    }
}
