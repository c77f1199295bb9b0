import Berth
import BerthSystem

/// A service with the handler that all models are tested with: `WorkerFixture MODEL FRAMING`. It says its address on
/// standard output, then a line break when it is ready, and ends by SIGTERM.
@main
struct WorkerFixture {
    static func main() async throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 3, let model = models[arguments[1]],
            let framing = framings.first(where: { $0.description == arguments[2] })
        else { return say("usage: WorkerFixture MODEL FRAMING\n") }
        var configuration = ServerConfiguration(
            framing: framing,
            observers: [
                ClosureObserver { event in
                    if case .listening(let address, _, _) = event { say("\(address)\n") }
                }
            ])
        configuration.limits.idle = .seconds(600)
        configuration.workers.control = .none
        configuration.readyNotice.descriptor = 1
        try await Server(on: "127.0.0.1:0", model: model, configuration: configuration) { FrameEcho() }.run()
    }

    /// Whole and at once, so that nothing is kept back in a buffer.
    private static func say(_ text: String) {
        Array(text.utf8).withUnsafeBytes { try? unsafe Kernel.writeAll(1, $0) }
    }

    private static let models: [String: ConcurrencyModel] = [
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
