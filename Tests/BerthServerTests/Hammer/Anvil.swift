import Berth
import BerthSystem
import BerthTesting
import Synchronization
import TestSupport

/// What a hammered handler is asked to do: the first byte of a frame.
enum Order: UInt8, CaseIterable {
    case echo, sleep, fail, cancel, bigReply, visitActor, children, resumeElsewhere, close, abort, finish, detach, end
}

/// How often the handlers of a hammered server have begun and ended.
final class Tally: Sendable {
    let made = Atomic<Int>(0)
    let setUp = Atomic<Int>(0)
    let finished = Atomic<Int>(0)
    let gone = Atomic<Int>(0)
    /// Handlers that came back from a wait to another thread than theirs.
    let astray = Atomic<Int>(0)
    let visitor = Visitor()

    actor Visitor {
        private var visits = 0
        func visit() { visits += 1 }
    }
}

/// The handler of a hammered server: does what the frames order, and reads them in all ways there are.
struct Anvil: ConnectionHandler {
    struct Broken: Error {}

    /// Counts that a handler is gone, whoever held it.
    private final class Guest: Sendable {
        let tally: Tally
        init(_ tally: Tally) {
            self.tally = tally
            tally.made.add(1, ordering: .relaxed)
        }
        deinit { tally.gone.add(1, ordering: .relaxed) }
    }

    static let bigReply = [UInt8](repeating: 0xB1, count: 300_000)

    private let guest: Guest
    private var tally: Tally { guest.tally }
    private var random = SeededGenerator(seed: 0)
    private var thread: Int32 = 0

    init(_ tally: Tally) { guest = Guest(tally) }

    mutating func setup(_ connection: Connection) async throws {
        tally.setUp.add(1, ordering: .relaxed)
        thread = Kernel.threadID
        random = SeededGenerator(seed: connection.id.number)
    }

    mutating func finish(_ connection: Connection, _ outcome: Outcome) async {
        tally.finished.add(1, ordering: .relaxed)
        checkThread()
    }

    mutating func handle(_ connection: Connection) async throws {
        while true {
            var order = Order.echo
            switch Int.random(in: 0..<4, using: &random) {
            case 0:
                guard let frame = try await connection.readFrame() else { return }
                order = Order(rawValue: frame.body.first ?? 0) ?? .echo
                if order == .echo { try await connection.writeFrame(frame) }
            case 1:
                let reply = try await connection.withFrame { frame in
                    order = Self.order(frame)
                    return frame.body.withUnsafeBytes { unsafe [UInt8]($0) }
                }
                guard let reply else { return }
                if order == .echo { try await connection.writeFrame(reply) }
            default:
                let isThere = try await connection.answerFrame { frame, reply in
                    order = Self.order(frame)
                    if order == .echo { try reply.writeFrame(frame) }
                }
                if !isThere { return }
            }
            if try await !obey(order, connection) { return }
            checkThread()
        }
    }

    private static func order(_ frame: borrowing BorrowedFrame) -> Order {
        Order(rawValue: frame.body.isEmpty ? 0 : frame.body.unsafeLoad(as: UInt8.self)) ?? .echo
    }

    private func checkThread() { if Kernel.threadID != thread { tally.astray.add(1, ordering: .relaxed) } }

    /// Does what was ordered besides echoing; false when the handler shall end.
    private mutating func obey(_ order: Order, _ connection: Connection) async throws -> Bool {
        switch order {
        case .echo: return true
        case .sleep: try await Task.sleep(for: .microseconds(Int.random(in: 0...3_000, using: &random)))
        case .fail: throw Broken()
        case .cancel: withUnsafeCurrentTask { unsafe $0?.cancel() }
        case .bigReply: try await connection.writeFrame(Self.bigReply)
        case .visitActor: await tally.visitor.visit()
        case .children: await children()
        case .resumeElsewhere: try await resumeElsewhere()
        case .close: connection.close()
        case .abort: connection.abort()
        case .finish: try await connection.finish(within: .milliseconds(20))
        case .detach:
            let socket = try await connection.detach().takeSocket()
            socket.close()
        case .end: return false
        }
        try await connection.writeFrame([order.rawValue])
        return true
    }

    private func children() async {
        async let first: Void = tally.visitor.visit()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<3 { group.addTask { [tally] in await tally.visitor.visit() } }
        }
        await first
    }

    private func resumeElsewhere() async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            do throws(Errno) {
                try Thread.start(name: "resume") { continuation.resume() }
            } catch {
                continuation.resume(throwing: error)
            }
        }
    }
}
