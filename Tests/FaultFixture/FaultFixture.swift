import Berth
import BerthSystem
import BerthTesting
import Glibc

/// A service whose system calls a test makes fail: `FaultFixture MODEL`. A process of its own, so that all of its descriptors
/// and threads and its processor time are the service's. It echoes, and ends by SIGTERM.
///
/// It says its address on standard output. Then each line of standard input is a number and an order, answered by a line
/// that begins with `order NUMBER is `:
///
/// - `fail CALL ERRNO TIMES`: the next calls fail. `storm SEED ONE-IN [CALL…]`: calls fail at
///   random, all or those.
/// - `faulted`: how many calls were. `end`: that is over; the answer says what was done how often.
/// - `counts`: the connections that were accepted, that ended, that were refused, and what did not add up.
@main
struct FaultFixture {
    static func main() async throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 2, let model = models.first(where: { $0.description == arguments[1] }) else {
            return say("usage: FaultFixture MODEL, one of \(models.map(\.description))\n")
        }
        let counter = EventCounter()
        let configuration = ServerConfiguration(
            limits: ServerLimits(
                idle: .seconds(600), drain: .seconds(60), linger: (.milliseconds(200), .kibibytes(64))),
            observers: [
                counter,
                ClosureObserver { event in
                    if case .listening(let address, _, _) = event { say("\(address)\n") }
                },
            ])
        try Thread.start(name: "orders") { obey(counter) }
        try await Server(on: "127.0.0.1:0", model: model, configuration: configuration) { connection in
            while case let bytes = try await connection.read(), !bytes.isEmpty { try await connection.write(bytes) }
        }.run()
        say("ended \(counter.violations)\n")
    }

    private static let models: [ConcurrencyModel] = [
        .eventLoops(loops: 1, io: .epoll), .eventLoops(loops: 2, io: .epoll), .eventLoops(loops: 2, io: .uring),
        .threads, .threadPool(), .threadPool(threads: 4),
    ]

    private static func obey(_ counter: EventCounter) {
        var faults: FaultInjection?
        while let line = readLine() {
            let words = line.split(separator: " ").map(String.init)
            let answer: String
            switch (words.dropFirst().first, words.count) {
            case ("fail", 5):
                guard let call = FaultInjection.Call(rawValue: words[2]), let errno = Int32(words[3]),
                    let times = Int(words[4])
                else { return say("what is \(line)?\n") }
                faults = FaultInjection(call, .fails(Errno(rawValue: errno)), at: .process, times: times)
                answer = "failing"
            case ("storm", 4...):
                guard let seed = UInt64(words[2]), let count = Int(words[3]) else { return say("what is \(line)?\n") }
                let calls = words.dropFirst(4).compactMap { FaultInjection.Call(rawValue: $0) }
                faults = FaultInjection(
                    seed: seed, oneIn: count, calls: calls.isEmpty ? FaultInjection.Call.allCases : calls, at: .process)
                answer = "storming"
            case ("end", 2):
                faults?.end()
                let counts = (faults?.counts ?? [:]).map { "\($0.key): \($0.value)" }.sorted()
                answer = "\(faults?.count ?? 0) \(counts.joined(separator: ", "))"
                faults = nil
            case ("faulted", 2): answer = "\(faults?.count ?? 0)"
            case ("counts", 2):
                answer = "\(counter.accepted) \(counter.ended) \(counter.refused) \(counter.violations)"
            default: return say("what is \(line)?\n")
            }
            say("order \(words[0]) is \(answer)\n")
        }
    }

    /// Whole and at once, so that nothing is kept back in a buffer.
    private static func say(_ text: String) {
        // By the C library itself: this write is not to fail.
        _ = Array(text.utf8).withUnsafeBytes { bytes in unsafe Glibc.write(1, bytes.baseAddress, bytes.count) }
    }
}
