package import BerthSystem

/// A thread of an experiment, in its network and with its descriptors, for a call that waits.
package final class Background<R: Sendable>: Sendable {
    package let name: String

    private struct State {
        var thread: Int32?
        var result: Result<R, Errno>?
    }

    private let state = Monitor(State())

    init(_ name: String, _ body: @escaping @Sendable () throws(Errno) -> R) throws(Errno) {
        self.name = name
        let state = state
        try Thread.start(name: name) {
            state.change { $0.thread = Kernel.threadID }
            let result = Result { () throws(Errno) in try body() }
            state.change { $0.result = result }
        }
    }

    package var isFinished: Bool { state.withLock { $0.result != nil } }

    /// What came of it; `nil` when it is still at it after that time.
    package func result(within time: Duration = .seconds(20)) -> Result<R, Errno>? {
        state.wait(until: .after(time)) { $0.result }
    }

    /// The value, or the reason why there is none.
    package func value(within time: Duration = .seconds(20)) throws -> R {
        switch result(within: time) {
        case .success(let value): return value
        case .failure(let errno): throw StepFailure(step: name, errno: errno)
        case nil: throw LabFailure("\(name) did not come to an end")
        }
    }

    /// `OK`, the name of the error, or `still waiting`.
    package func outcome(within time: Duration = .seconds(20)) -> String {
        switch result(within: time) {
        case .success: "OK"
        case .failure(let errno): errno.name
        case nil: "still waiting"
        }
    }

    /// Whether it sleeps in any system call.
    var isAsleep: Bool { waitsIn != nil }

    /// Whether it sleeps in a system call whose first argument is this descriptor (`man 5 proc_pid_syscall`).
    func isWaiting(on descriptor: Int32) -> Bool { waitsIn == "0x\(String(descriptor, radix: 16))" }

    /// The first argument of the system call that it sleeps in.
    private var waitsIn: String? {
        guard let thread = state.withLock({ $0.thread }) else { return nil }
        return Self.waitsIn("/proc/self/task/\(thread)")
    }

    /// The same for a thread that is known by its directory.
    fileprivate static func waitsIn(_ directory: String) -> String? {
        guard let text = try? Kernel.contents(of: "\(directory)/syscall", limit: 256) else { return nil }
        // "running", or the number of the call and its arguments.
        let words = String(decoding: text, as: UTF8.self).split(separator: " ")
        return words.count > 2 ? String(words[1]) : nil
    }
}

extension LabProcess {
    /// Whether one of its threads sleeps in a system call on the first socket that it inherited.
    fileprivate var isWaitingOnSocket: Bool {
        let threads = (try? Kernel.names(inDirectory: "/proc/\(pid)/task")) ?? []
        return threads.contains { thread in
            Background<Void>.waitsIn("/proc/\(pid)/task/\(thread)") == "0x\(Part.firstSocket)"
        }
    }
}

extension Stage {
    /// Begins something on a thread of its own.
    package func background<R: Sendable>(
        _ name: String, _ body: @escaping @Sendable () throws(Errno) -> R
    ) throws -> Background<R> {
        do { return try Background(name, body) } catch {
            throw StepFailure(step: "starting the thread \(name)", errno: error)
        }
    }

    /// Waits until a thread sleeps in a call on a socket.
    package func waitUntilBlocked(_ background: Background<some Sendable>, on socket: LabSocket) throws {
        try waitUntilBlocked(background, onDescriptor: socket.descriptor)
    }

    /// Waits until a thread sleeps in some call.
    package func waitUntilAsleep(_ background: Background<some Sendable>) throws {
        try wait(for: background) { background.isAsleep }
    }

    package func waitUntilBlocked(_ background: Background<some Sendable>, onDescriptor descriptor: Int32) throws {
        try wait(for: background) { background.isWaiting(on: descriptor) }
    }

    /// Waits until a process sleeps in a call on the first socket that it inherited.
    package func waitUntilBlocked(_ process: LabProcess) throws {
        let deadline = Deadline.after(.seconds(20))
        while !process.isWaitingOnSocket {
            if deadline.hasPassed { throw LabFailure("\(process.name) never came to wait") }
            try pause(.milliseconds(1))
        }
    }

    private func wait(for background: Background<some Sendable>, _ isSo: () -> Bool) throws {
        let deadline = Deadline.after(.seconds(20))
        while !isSo() {
            if background.isFinished { throw LabFailure("\(background.name) did not wait") }
            if deadline.hasPassed { throw LabFailure("\(background.name) never came to wait") }
            try pause(.milliseconds(1))
        }
    }
}
