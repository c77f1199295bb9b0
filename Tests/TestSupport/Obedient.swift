package import BerthEngine
internal import BerthFraming
internal import BerthServer
internal import BerthSystem

/// Holds up handlers until it is opened.
package final class Gate: Sendable {
    private struct State {
        var isOpen = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Monitor(State())

    package init() {}

    package func open() {
        let waiting = state.change { state in
            defer { state.waiting = [] }
            state.isOpen = true
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    /// Waits, whoever is cancelled.
    package func pass() async {
        await withCheckedContinuation { continuation in
            let isOpen = state.withLock { state in
                if !state.isOpen { state.waiting.append(continuation) }
                return state.isOpen
            }
            if isOpen { continuation.resume() }
        }
    }

    /// Blocks the thread.
    package func block() { _ = state.wait { $0.isOpen ? true : nil } }
}

/// A handler that does what the first line of its client says, which it confirms with a line.
package struct Obedient: ConnectionHandler {
    package enum Order: String, Sendable, CaseIterable {
        /// Gives each line back.
        case echo
        /// Gives each line back after 300 ms.
        case work
        /// Gives frames back that are preceded by their length in four bytes.
        case frames
        /// Writes without end.
        case flood
        /// Sleeps without end, and notices when it is cancelled.
        case sleep
        /// Waits until its gate is opened, and notices nothing.
        case ignore
        /// Blocks its thread until its gate is opened.
        case block
    }

    private let gate: Gate

    package init(_ gate: Gate) { self.gate = gate }

    package mutating func handle(_ connection: Connection) async throws {
        guard let order = try await connection.readLine().flatMap(Order.init(rawValue:)) else { return }
        try await connection.write("ok\n")
        try await connection.flush()
        switch order {
        case .echo: for try await line in connection.lines { try await connection.write("\(line)\n") }
        case .work:
            for try await line in connection.lines {
                try await Task.sleep(for: .milliseconds(300))
                try await connection.write("\(line)\n")
            }
        case .frames:
            connection.useFraming(.lengthPrefix(bytes: .four))
            for try await frame in connection.frames { try await connection.writeFrame(frame) }
        case .flood:
            let block = [UInt8](repeating: 0x46, count: 64 << 10)
            while true { try await connection.write(block) }
        case .sleep: try await Task.sleep(for: .seconds(100_000))
        case .ignore: await gate.pass()
        case .block: gate.block()
        }
    }
}
