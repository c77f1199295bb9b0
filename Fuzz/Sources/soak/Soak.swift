import Berth
import BerthTesting
import Glibc

/// Serves at full speed for minutes while honest and faulty peers visit, and says whether anything grows; see `usage`.
@main
struct Soak {
    static func main() async throws {
        var model = models["event-loops-epoll"] ?? .eventLoops()
        var seconds = 600.0
        var arguments = CommandLine.arguments.dropFirst()
        while let option = arguments.popFirst() {
            switch (option, arguments.popFirst()) {
            case ("--engine", let name?) where models[name] != nil: model = models[name] ?? model
            case ("--minutes", let text?) where Double(text).map { $0 > 0 } == true: seconds = (Double(text) ?? 10) * 60
            default: usage()
            }
        }
        let problems = try await run(model, for: seconds)
        for problem in problems { print("FAILED: \(problem)") }
        print(problems.isEmpty ? "\(model): nothing grew, and the sums are equal" : "\(model): failed")
        exit(problems.isEmpty ? 0 : 1)
    }

    private static let models: [String: ConcurrencyModel] = [
        "event-loops-epoll": .eventLoops(loops: 2, io: .epoll), "event-loops-uring": .eventLoops(loops: 2, io: .uring),
        "threads": .threads, "thread-pool": .threadPool(threads: 64),
    ]

    private static func usage() -> Never {
        let names = models.keys.sorted().joined(separator: ", ")
        print("usage: soak [--engine NAME] [--minutes NUMBER]\nengines: \(names)")
        exit(64)
    }

    private static func run(_ model: ConcurrencyModel, for seconds: Double) async throws -> [String] {
        let counter = EventCounter()
        let limits = ServerLimits(
            maximumConnections: 200, idle: .seconds(2), writeStall: .seconds(1), drain: .seconds(30),
            linger: (.milliseconds(200), .kibibytes(64)))
        let configuration = ServerConfiguration(
            framing: .selfCounting64(maximumFrame: .kibibytes(64)), limits: limits, observers: [counter])
        let body = (0..<200).map { UInt8($0) }
        let frame = withUnsafeBytes(of: UInt64(body.count + 8).bigEndian) { Array($0) } + body
        let watch = FigureWatch(counter, warmUp: min(60, seconds / 4), interval: min(10, seconds / 12))
        let (report, statistics) = try await withServer(
            on: "0.0.0.0:0", model: model, configuration: configuration, handler: { Echo() }
        ) { server in
            let port = server.address.port ?? 0
            let addresses = (1...100).map {
                SocketAddress.ipv4(IPv4Address(127, 0, 0, UInt8($0)), port: port)
            }
            let crowd = PeerCrowd(asking: frame, expecting: frame, faulty: FaultyPeer.all(frame), faultyClients: 24)
            async let figures: Void = watch.run(for: seconds)
            let report = await crowd.visit(addresses, for: .seconds(seconds))
            await figures
            return (report, server.statistics)
        }
        print(
            "\(report.replies) replies, all right, on \(report.honestVisits) connections, \(report.cut) of them cut; "
                + "\(report.faultyVisits) faulty visits; \(statistics.accepted) accepted, \(counter.ended) ended")
        print("outcomes: \(counter.outcomes.map { "\($0.value) \($0.key.rawValue)" }.sorted().joined(separator: ", "))")
        var problems = watch.problems + report.violations + counter.violations
        let outcomes = counter.outcomes.values.reduce(0, +)
        if counter.accepted != counter.ended || outcomes != counter.accepted {
            problems.append("\(counter.accepted) accepted, \(counter.ended) ended, \(outcomes) outcomes")
        }
        if report.replies == 0 { problems.append("no honest client was served") }
        return problems
    }
}

/// Sends every frame back, taking it in one of the ways there are.
struct Echo: ConnectionHandler {
    mutating func handle(_ connection: Connection) async throws {
        switch connection.id.number % 3 {
        case 0: for try await frame in connection.frames { try await connection.writeFrame(frame) }
        case 1: while let frame = try await connection.readFrame() { try await connection.writeFrame(frame) }
        default: while try await connection.answerFrame({ frame, reply in try reply.writeFrame(frame) }) {}
        }
    }
}
