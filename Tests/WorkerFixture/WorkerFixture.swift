import Berth
import BerthHarbour
import BerthSystem
import TestSupport

/// A service with a handler that all models are tested with: `WorkerFixture MODEL FRAMING [SERVICE [DRAIN]]`. It says its
/// address on standard output, then a line break when it is ready, and ends by SIGTERM; then it says on standard error what it had to cut.
@main
struct WorkerFixture {
    static func main() async throws {
        let arguments = CommandLine.arguments
        guard (3...5).contains(arguments.count), let model = models[arguments[1]],
            let framing = framings.first(where: { $0.description == arguments[2] }),
            let server = server(
                arguments.count > 3 ? arguments[3] : "echo", model,
                configuration(framing, drain: arguments.count > 4 ? Int(arguments[4]) : nil))
        else { return say("usage: WorkerFixture MODEL FRAMING [SERVICE [DRAIN]]\n") }
        let report = try await server.run()
        // What a worker had to cut, its harbour says.
        guard WorkerRole.current == nil, arguments.count > 4 else { return }
        // Standard output is closed once the service is ready.
        for cut in report.cut { say("cut \(cut.peer) \(cut.activity.rawValue) \(cut.end.rawValue) \(cut)\n", to: 2) }
        say("\(report.isClean ? "clean" : "cut off") \(report.killedWorkers) workers killed\n", to: 2)
    }

    /// `echo` for frames, `obey` for what a client wants, or one of the ways to write a last reply.
    private static func server(
        _ service: String, _ model: ConcurrencyModel, _ configuration: ServerConfiguration
    ) -> Server? {
        if service == "echo" {
            return Server(on: "127.0.0.1:0", model: model, configuration: configuration) { FrameEcho() }
        }
        if service == "obey" {
            let gate = Gate()
            return Server(on: "127.0.0.1:0", model: model, configuration: configuration) { Obedient(gate) }
        }
        guard let way = LastReply.Way(rawValue: service) else { return nil }
        return Server(on: "127.0.0.1:0", model: model, configuration: configuration) { LastReply(way) }
    }

    private static func configuration(_ framing: Framing, drain: Int?) -> ServerConfiguration {
        var configuration = ServerConfiguration(
            framing: framing,
            observers: [
                ClosureObserver { event in
                    if case .listening(let address, _, _) = event { say("\(address)\n") }
                }
            ])
        configuration.limits.idle = .seconds(600)
        configuration.limits.firstByte = nil
        configuration.limits.frame = nil
        if let drain {
            configuration.limits.drain = .seconds(drain)
            configuration.limits.writeStall = .seconds(600)
            configuration.limits.handlerBlocking = .seconds(600)
        }
        configuration.workers.control = .none
        configuration.readyNotice.descriptor = 1
        return configuration
    }

    /// Whole and at once, so that nothing is kept back in a buffer.
    private static func say(_ text: String, to descriptor: Int32 = 1) {
        Array(text.utf8).withUnsafeBytes { try? unsafe Kernel.writeAll(descriptor, $0) }
    }

    private static let models: [String: ConcurrencyModel] = [
        "epoll": .eventLoops(loops: 2, io: .epoll), "uring": .eventLoops(loops: 2, io: .uring), "threads": .threads,
        "thread-pool": .threadPool(threads: 1100),
        "process-pool": .processPool(workers: 2), "processes": .processes(reserve: 2),
        "reuse-port": .reusePort(workers: 2),
        "process-pool-threads": .processPool(workers: 2, engine: .threads),
        "process-pool-thread-pool": .processPool(workers: 2, engine: .threadPool(threads: 4)),
        "process-pool-large-thread-pool": .processPool(workers: 2, engine: .threadPool(threads: 1100)),
    ]

    private static let framings: [Framing] =
        [
            .selfCounting64, .lines, .delimiter("END"), .delimiter("\r\n.\r\n"), .fixedLength(.bytes(3)), .headers,
            .raw,
            .untilClose(),
        ]
        + LengthPrefix.Width.allCases.flatMap { width in
            LengthPrefix.Endian.allCases.flatMap { endian in
                LengthPrefix.Counts.allCases.map { counts in
                    .lengthPrefix(bytes: width, endian: endian, counts: counts, maximumFrame: .bytes(80))
                }
            }
        }
}
