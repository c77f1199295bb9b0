import Berth
import BerthTesting
import Dispatch
import FuzzStreams
import Glibc
import Synchronization

/// Sends mutated streams to a server of each framing, engine after engine, and checks every answer.
///
/// Sessions come in batches: a server with a random setup of the codec, and a thousand sessions of several clients. Checked
/// is that every session which half-closes gets the replies that a naive decoder and the encoder predict, to the byte, and
/// then a FIN; that every connection has one outcome, and no handler fails of its own; that nobody waits for ever; and that
/// memory does not grow.
struct ServerFuzzer {
    static let batch: UInt64 = 1000
    static let clients = 8

    static let engines: [String: ConcurrencyModel] = [
        "event-loops-epoll": .eventLoops(loops: 2, io: .epoll), "event-loops-uring": .eventLoops(loops: 2, io: .uring),
        "threads": .threads, "thread-pool": .threadPool(threads: 24),
    ]

    let subject: Subject
    /// `nil` for each in turn.
    let engine: String?

    struct Tally {
        var checked = 0
        var outcomes: [Outcome.Kind: Int] = [:]
        var problem: String?
    }

    /// Runs the sessions of these seeds; what is wrong is in the tally.
    func run(_ seeds: Range<UInt64>) async throws -> Tally {
        var tally = Tally()
        var start = seeds.lowerBound
        while start < seeds.upperBound, tally.problem == nil {
            let number = start / Self.batch
            let end = min(seeds.upperBound, (number + 1) * Self.batch)
            try await runBatch(number, start..<end, &tally)
            start = end
        }
        return tally
    }

    private func runBatch(_ number: UInt64, _ seeds: Range<UInt64>, _ tally: inout Tally) async throws {
        var random = SeededGenerator(seed: ~number)
        let setup = subject.setup(&random)
        let names = Self.engines.keys.sorted()
        let name = engine ?? names[Int(number % UInt64(names.count))]
        guard let model = Self.engines[name] else { return }
        let counter = EventCounter()
        let limits = ServerLimits(idle: .seconds(60), linger: (.seconds(5), .kibibytes(64)))
        let configuration = ServerConfiguration(framing: setup.framing, limits: limits, observers: [counter])
        let way = number / UInt64(names.count) % 3
        let found = try await withServer(
            on: "0.0.0.0:0", model: model, configuration: configuration, handler: { Echo(way: way) }
        ) { server in
            let port = server.address.port ?? 0
            return await withCheckedContinuation { continuation in
                // Blocking clients: on threads of their own, not on those of tasks.
                DispatchQueue.global().async {
                    continuation.resume(returning: visit(port, setup, seeds))
                }
            }
        }
        tally.checked += found.checked
        for (kind, count) in counter.outcomes { tally.outcomes[kind, default: 0] += count }
        let problem = found.problem ?? counter.violations.first ?? sums(counter)
        if let problem {
            tally.problem = "\(subject.rawValue) under \(name), \(setup.framing), seeds \(seeds): \(problem)"
        }
    }

    private func sums(_ counter: EventCounter) -> String? {
        let outcomes = counter.outcomes.values.reduce(0, +)
        if counter.accepted == counter.ended, outcomes == counter.accepted { return nil }
        return "\(counter.accepted) accepted, \(counter.ended) ended, \(outcomes) outcomes"
    }

    private func visit(_ port: UInt16, _ setup: Setup, _ seeds: Range<UInt64>) -> (checked: Int, problem: String?) {
        let result = Mutex<(checked: Int, problem: String?)>((0, nil))
        DispatchQueue.concurrentPerform(iterations: Self.clients) { client in
            // Those that stop, until others have come and gone.
            var stopped = ClientQueue()
            var checked = 0
            for seed in seeds where seed % UInt64(Self.clients) == UInt64(client) {
                if result.withLock({ $0.problem != nil }) { break }
                let host = UInt8(1 + seed / Self.batch % 100)
                if let problem = play(seed, setup, port, host, &stopped, &checked) {
                    result.withLock { $0.problem = $0.problem ?? "seed \(seed): \(problem)" }
                }
            }
            result.withLock { $0.checked += checked }
        }
        return result.withLock { $0 }
    }

    private func play(
        _ seed: UInt64, _ setup: Setup, _ port: UInt16, _ host: UInt8, _ stopped: inout ClientQueue,
        _ checked: inout Int
    ) -> String? {
        let session = Session(seed: seed, setup: setup)
        guard let client = RawClient(port: port, host: host) else { return "cannot connect: errno \(errno)" }
        var position = 0
        for cut in session.cuts + [session.stream.count] where cut > position {
            client.send(session.stream[position..<cut])
            position = cut
        }
        switch session.end {
        case .leave: return nil
        case .reset:
            client.reset()
            return nil
        case .stop:
            stopped.add(client)
            return nil
        case .halfClose: break
        }
        client.finishSending()
        let (bytes, code) = client.readToEnd()
        checked += 1
        if code == EAGAIN { return "no end within 30 s" }
        if code != 0 { return "the connection was reset (errno \(code)) after \(bytes)" }
        let expected = session.reply
        return bytes == expected ? nil : "the answer to \(session.stream) was \(bytes) in place of \(expected)"
    }
}

/// Two connections that are kept, the older of which goes when another one comes: of all clients fewer than the pool has
/// threads, or nobody else would be served.
private struct ClientQueue: ~Copyable {
    private var next = 0
    private var clients: [Kept?] = Array(repeating: nil, count: 2)

    private final class Kept {
        let client: RawClient
        init(_ client: consuming RawClient) { self.client = client }
    }

    mutating func add(_ client: consuming RawClient) {
        clients[next] = Kept(client)
        next = (next + 1) % clients.count
    }
}

/// Sends every frame back, taking it in one of the ways there are.
struct Echo: ConnectionHandler {
    let way: UInt64

    mutating func handle(_ connection: Connection) async throws {
        switch way {
        case 0: for try await frame in connection.frames { try await connection.writeFrame(frame) }
        case 1:
            while let frame = try await connection.withFrame({ Frame(copying: $0) }) {
                try await connection.writeFrame(frame)
            }
        default: while try await connection.answerFrame({ frame, reply in try reply.writeFrame(frame) }) {}
        }
    }
}
