import Berth
import BerthSystem
import TestSupport

/// A service with a handler that all models are tested with: `WorkerFixture MODEL FRAMING [SERVICE]`. It says its address on
/// standard output, then a line break when it is ready, and ends by SIGTERM.
@main
struct WorkerFixture {
    static func main() async throws {
        let arguments = CommandLine.arguments
        guard (3...4).contains(arguments.count), let model = models[arguments[1]],
            let framing = framings.first(where: { $0.description == arguments[2] }),
            let server = server(arguments.count == 4 ? arguments[3] : "echo", model, configuration(framing))
        else { return say("usage: WorkerFixture MODEL FRAMING [SERVICE]\n") }
        try await server.run()
    }

    /// `echo` for frames, or one of the ways to write a last reply.
    private static func server(
        _ service: String, _ model: ConcurrencyModel, _ configuration: ServerConfiguration
    ) -> Server? {
        if service == "echo" {
            return Server(on: "127.0.0.1:0", model: model, configuration: configuration) { FrameEcho() }
        }
        guard let way = LastReply.Way(rawValue: service) else { return nil }
        return Server(on: "127.0.0.1:0", model: model, configuration: configuration) { LastReply(way) }
    }

    private static func configuration(_ framing: Framing) -> ServerConfiguration {
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
        configuration.workers.control = .none
        configuration.readyNotice.descriptor = 1
        return configuration
    }

    /// Whole and at once, so that nothing is kept back in a buffer.
    private static func say(_ text: String) {
        Array(text.utf8).withUnsafeBytes { try? unsafe Kernel.writeAll(1, $0) }
    }

    private static let models: [String: ConcurrencyModel] = [
        "epoll": .eventLoops(loops: 2, io: .epoll), "uring": .eventLoops(loops: 2, io: .uring), "threads": .threads,
        "thread-pool": .threadPool(threads: 64),
        "process-pool": .processPool(workers: 2), "processes": .processes(reserve: 2),
        "reuse-port": .reusePort(workers: 2),
        "process-pool-threads": .processPool(workers: 2, engine: .threads),
        "process-pool-thread-pool": .processPool(workers: 2, engine: .threadPool(threads: 4)),
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
