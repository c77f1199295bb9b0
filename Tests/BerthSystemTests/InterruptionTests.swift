import Glibc
import TestSupport
import Testing

@testable import BerthSystem

@Suite("Interrupted calls")
struct InterruptionTests {
    /// Sends SIGUSR2, which interrupts calls and does nothing else, to a thread every 10 ms until told to end.
    private final class Disturber: Sendable {
        private let state = Monitor((isEnding: false, hasEnded: false))

        static let handlerIsSet: Void = {
            var action = sigaction()
            action.__sigaction_handler.sa_handler = { _ in }
            action.sa_flags = 0  // no SA_RESTART
            sigaction(SIGUSR2, &action, nil)
        }()

        /// Disturbs the calling thread.
        init() throws {
            Self.handlerIsSet
            // Threads that come from Swift's pool have all signals blocked.
            var mask = sigset_t()
            sigemptyset(&mask)
            sigaddset(&mask, SIGUSR2)
            pthread_sigmask(SIG_UNBLOCK, &mask, nil)
            let target = UInt(pthread_self())
            try Thread.start(name: "disturber") { [state] in
                while true {
                    let isEnding: Bool? = state.wait(until: .after(.milliseconds(10))) { $0.isEnding ? true : nil }
                    if isEnding == true { break }
                    pthread_kill(pthread_t(target), SIGUSR2)
                }
                state.change { $0.hasEnded = true }
            }
        }

        func end() {
            state.change { $0.isEnding = true }
            _ = state.wait { $0.hasEnded ? true : nil }
        }
    }

    #if BERTH_FAULTS
    @Test("a call that a signal interrupts is made again")
    func retried() throws {
        let pipe = try Kernel.pipe()
        for call in [Syscall.write, .read, .poll, .setOption, .fileStatus] {
            for fd in [pipe.reading.rawValue, pipe.writing.rawValue] {
                SyscallFaults.inject(call, on: fd, times: 3, .fail(.interrupted))
            }
        }
        try writeByte(7, to: pipe.writing.rawValue)
        #expect(try Kernel.wait(for: .readable, on: pipe.reading.rawValue, until: .never) == .readable)
        #expect(try readBytes(pipe.reading.rawValue) == [7])
        try Kernel.setNonBlocking(pipe.reading.rawValue, true)
        #expect(try !Kernel.status(pipe.reading.rawValue).isSocket)
    }

    @Test("a receive that shall not resume reports the interruption")
    func notResumed() throws {
        let pipe = try Kernel.pipe()
        SyscallFaults.inject(.receive, on: pipe.reading.rawValue, .fail(.interrupted))
        var byte: UInt8 = 0
        #expect(throws: Errno.interrupted) {
            try withUnsafeMutableBytes(of: &byte) { (memory) throws(Errno) in
                _ = try Kernel.receive(pipe.reading.rawValue, into: memory, resumes: false)
            }
        }
    }

    @Test("an interrupted close is not repeated: the number may belong to someone else")
    func closeNotRepeated() async throws {
        try await onThread {
            let number = try openDescriptor()
            let other = try openDescriptor()
            let error = #expect(throws: Errno.self) {
                try SyscallFaults.onThisThread(.close, .fail(.interrupted)) { () throws(Errno) in
                    try Kernel.close(number)
                }
            }
            #expect(error == .interrupted)
            try Kernel.close(other)
        }
    }
    #endif

    @Test("signals that keep coming neither end a read nor lengthen a wait")
    func realSignals() async throws {
        try await onThread {
            let pipe = try Kernel.pipe()
            let disturber = try Disturber()
            defer { disturber.end() }
            let start = MonotonicTime.now
            #expect(
                try Kernel.wait(for: .readable, on: pipe.reading.rawValue, until: .after(.milliseconds(300))).isEmpty)
            let took = MonotonicTime.now.duration(since: start)
            #expect(took >= .milliseconds(300) && took < .seconds(60))

            let writing = try pipe.writing.duplicate().release()
            try Thread.start(name: "writer") {
                let pause = Monitor(())
                let nothing: Void? = pause.wait(until: .after(.milliseconds(100))) { _ in nil }
                _ = nothing
                try? writeByte(9, to: writing)
                try? Kernel.close(writing)
            }
            #expect(try readBytes(pipe.reading.rawValue) == [9])
        }
    }
}
