internal import CBerth
internal import Glibc

/// Signals of the operating system that a service reacts to.
package struct Signal: RawRepresentable, Sendable, Hashable {
    package let rawValue: Int32
    package init(rawValue: Int32) { self.rawValue = rawValue }
    package static let interrupt = Signal(rawValue: SIGINT)
    package static let terminate = Signal(rawValue: SIGTERM)
    package static let kill = Signal(rawValue: SIGKILL)
    package static let user1 = Signal(rawValue: SIGUSR1)
    package static let user2 = Signal(rawValue: SIGUSR2)
    package static let hangUp = Signal(rawValue: SIGHUP)
    package static let quit = Signal(rawValue: SIGQUIT)
    package static let terminalInput = Signal(rawValue: SIGTTIN)
    package static let terminalOutput = Signal(rawValue: SIGTTOU)
    package static let child = Signal(rawValue: SIGCHLD)
    package static let stop = Signal(rawValue: SIGSTOP)
    package static let resume = Signal(rawValue: SIGCONT)

    /// The C name, for example `SIGTERM`.
    package var name: String {
        switch rawValue {
        case SIGINT: "SIGINT"
        case SIGTERM: "SIGTERM"
        case SIGKILL: "SIGKILL"
        case SIGUSR1: "SIGUSR1"
        case SIGUSR2: "SIGUSR2"
        case SIGTTIN: "SIGTTIN"
        case SIGTTOU: "SIGTTOU"
        case SIGSTOP: "SIGSTOP"
        case SIGBUS: "SIGBUS"
        case SIGILL: "SIGILL"
        case SIGTRAP: "SIGTRAP"
        case SIGHUP: "SIGHUP"
        case SIGQUIT: "SIGQUIT"
        case SIGPIPE: "SIGPIPE"
        case SIGSEGV: "SIGSEGV"
        case SIGABRT: "SIGABRT"
        default: "signal \(rawValue)"
        }
    }
}

/// Delivers signals to a descriptor that can be polled, for as long as it lives; then what was there before is back.
///
/// Two that trap one signal both get it; the handler from before is back when the last of them is gone.
package struct SignalTrap: ~Copyable, Sendable {
    private let signals: [Signal]
    private let pipe: Pipe

    package init(_ signals: [Signal]) throws(Errno) {
        let pipe = try Kernel.pipe(nonBlocking: true)
        let target = pipe.writing.rawValue
        var installed: [Signal] = []
        for signal in signals {
            if berth_signal_forward(signal.rawValue, target) < 0 {
                let failure = Errno.current
                for signal in installed { berth_signal_release(signal.rawValue, target) }
                throw failure
            }
            installed.append(signal)
        }
        self.pipe = pipe
        self.signals = signals
    }

    deinit {
        // Before the pipe is closed, whose number may be another file's a moment later.
        for signal in signals { berth_signal_release(signal.rawValue, pipe.writing.rawValue) }
    }

    /// Becomes readable when a signal arrived.
    package var descriptor: Int32 { pipe.reading.rawValue }

    /// The next signal that arrived, if any.
    package func next() -> Signal? {
        var byte: UInt8 = 0
        let count = unsafe withUnsafeMutableBytes(of: &byte) { memory in
            try? unsafe Kernel.read(pipe.reading.rawValue, into: memory)
        }
        return count == 1 ? Signal(rawValue: Int32(byte)) : nil
    }
}
