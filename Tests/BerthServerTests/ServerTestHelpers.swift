import Berth
import BerthSystem
import TestSupport
import Testing

/// Collects the events of a server, and lets a test wait for one.
final class EventLog: ServerObserver, Sendable {
    private let events = Monitor<[ServerEvent]>([])

    func observe(_ event: ServerEvent) { events.change { $0.append(event) } }

    var all: [ServerEvent] { events.withLock { $0 } }

    /// The outcomes so far, waiting until there are `count` of them.
    func outcomes(_ count: Int = 1) -> [Outcome] { ends(count).map(\.outcome) }

    /// The accounts of the connections that have ended so far, waiting until there are `count` of them.
    func ends(_ count: Int = 1) -> [ConnectionEnd] {
        events.wait(until: .after(.seconds(120))) { events in
            let ends = events.compactMap { if case .ended(_, _, let end) = $0 { end } else { nil } }
            return ends.count >= count ? ends : nil
        } ?? []
    }

    /// What `pick` makes of the events so far, waiting until there are `count`.
    func all<R>(atLeast count: Int, _ pick: (ServerEvent) -> R?) -> [R] {
        _ = events.wait(until: .after(.seconds(240))) { $0.compactMap(pick).count >= count ? true : nil }
        return all.compactMap(pick)
    }

    /// Waits until an event fulfils `condition`.
    func waitFor(_ condition: (ServerEvent) -> Bool) -> Bool {
        events.wait(until: .after(.seconds(120))) { $0.contains(where: condition) ? true : nil } ?? false
    }
}

extension ServerConfiguration {
    static func test(
        framing: Framing = .raw, limits: ServerLimits = .default, _ observers: any ServerObserver...
    ) -> ServerConfiguration {
        // A machine under load may take its time: what is idle, and how long a first byte and a message may take, only
        // tests of that say.
        var limits = limits
        if limits.idle == ServerLimits.default.idle { limits.idle = .seconds(600) }
        if limits.firstByte == ServerLimits.default.firstByte { limits.firstByte = nil }
        if limits.frame == ServerLimits.default.frame { limits.frame = nil }
        var options = SocketOptions.default
        // Nor for how long a peer that is a thread of the test takes nothing.
        options.userTimeout = nil
        return ServerConfiguration(socketOptions: options, framing: framing, limits: limits, observers: observers)
    }
}

extension RunningServer {
    /// A blocking stream to the server.
    func connect(framing: Framing = .raw) throws -> SocketStream {
        SocketStream(try TCPSocket.connect(to: Endpoint(address), within: .seconds(240)), framing: framing)
    }
}

let loopback: Endpoint = "127.0.0.1:0"
