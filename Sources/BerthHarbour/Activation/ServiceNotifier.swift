internal import BerthSockets
package import BerthSystem

/// Tells the service manager how the service does, without libsystemd: datagrams to the socket that NOTIFY_SOCKET names.
///
/// Does nothing where no manager asked for it. Source: `man 3 sd_notify`.
package struct ServiceNotifier: Sendable {
    /// What is told.
    package enum State: Sendable, Hashable {
        case ready
        case reloading(MonotonicTime)
        case stopping
        case mainProcess(Int32)
        case watchdog
        case status(String)

        /// The line of the protocol.
        package var line: String {
            switch self {
            case .ready: "READY=1"
            // systemd takes a reload for done when READY=1 follows, and wants to know when it began.
            case .reloading(let time): "RELOADING=1\nMONOTONIC_USEC=\(time.nanoseconds / 1000)"
            case .stopping: "STOPPING=1"
            case .mainProcess(let pid): "MAINPID=\(pid)"
            case .watchdog: "WATCHDOG=1"
            // A line break would begin another variable.
            case .status(let text): "STATUS=\(text.split(whereSeparator: \.isNewline).joined(separator: " "))"
            }
        }
    }

    /// Where it is told; `nil` for nowhere.
    private let address: SocketAddress?
    /// How often the manager wants to hear ``State/watchdog``: half the time after which it acts; `nil` for never.
    package let watchdogInterval: Duration?

    /// - Parameter variable: the environment's.
    package init(processID: Int32, variable: (String) -> String?) {
        address = variable("NOTIFY_SOCKET").flatMap { Self.address($0) }
        let isOurs = variable("WATCHDOG_PID").map { Int32($0) == processID } ?? true
        let limit = variable("WATCHDOG_USEC").flatMap { Int64($0) } ?? 0
        watchdogInterval = isOurs && limit > 0 && address != nil ? .microseconds(limit / 2) : nil
    }

    /// That of this process's environment.
    package static var current: ServiceNotifier {
        ServiceNotifier(processID: Kernel.processID) { Kernel.environmentVariable($0) }
    }

    /// Tells the manager. That it does not listen is no concern of the service.
    package func tell(_ states: State...) {
        guard let raw = try? address?.raw, let socket = try? Kernel.openUnixDatagramSocket() else { return }
        try? Kernel.send(socket.rawValue, states.map(\.line).joined(separator: "\n"), to: raw)
    }

    /// A path, or a name in the abstract namespace behind an `@`.
    private static func address(_ text: String) -> SocketAddress? {
        if text.hasPrefix("@") { return .abstract(name: Array(text.utf8.dropFirst())) }
        return text.hasPrefix("/") ? .unix(path: text) : nil
    }
}
