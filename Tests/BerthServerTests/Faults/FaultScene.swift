import Berth
import BerthSystem
import BerthTesting
import Synchronization
import TestSupport
import Testing

#if BERTH_FAULTS
/// A service of the `FaultFixture`, what is ordered of it, and what it has.
final class FaultScene: Sendable {
    let program: Program
    let address: SocketAddress
    private let lastOrder = Atomic<Int>(0)

    init(_ model: ConcurrencyModel) throws {
        program = try Program(try Program.buildDirectory() + "/FaultFixture", [model.description])
        let line = try #require(program.line(containing: "127.0.0.1:", on: .standard))
        let port = try #require(line.split(separator: ":").last.flatMap { UInt16($0) })
        address = .ipv4(.loopback, port: port)
    }

    /// Gives an order, and returns the answer.
    @discardableResult
    func order(_ order: String) throws -> String {
        let number = lastOrder.add(1, ordering: .relaxed).newValue
        program.write("\(number) \(order)\n")
        let begin = "order \(number) is "
        let line = try #require(program.line(containing: begin, on: .standard), "\(order)")
        return String(line.dropFirst(begin.count))
    }

    func faulted() throws -> Int { Int(try order("faulted")) ?? -1 }

    struct Counts {
        var accepted = 0
        var ended = 0
        var refused = 0
        var violations = ""
    }

    func counts() throws -> Counts {
        let words = try order("counts").split(separator: " ", maxSplits: 3).map(String.init)
        guard words.count == 4 else { return Counts(violations: "\(words)") }
        return Counts(
            accepted: Int(words[0]) ?? -1, ended: Int(words[1]) ?? -1, refused: Int(words[2]) ?? -1,
            violations: words[3])
    }

    /// The figures of its process.
    func figures() throws -> ProcessFigures { try #require(ProcessFigures(of: program.pid)) }

    /// Expects that someone is served, wholly and to a clean end.
    func expectService(_ comment: String) {
        let report = FaultyPeer.halfCloses(Array("hello".utf8)).visitBlocking(address, within: .seconds(240))
        #expect(report.ending == .serverFinished && report.text == "hello", "\(comment): \(report)")
    }

    /// Waits until `condition` holds, which it asks each 5 ms, for a long time.
    func waitUntil(_ comment: String, _ condition: () throws -> Bool) throws {
        let patience = Deadline.after(.seconds(240))
        while try !condition() {
            if patience.hasPassed {
                Issue.record("in vain: \(comment)")
                return
            }
            pause(.milliseconds(5))
        }
    }

    func pause(_ time: Duration) {
        var nothing: [PollEntry] = []
        _ = try? Kernel.poll(&nothing, until: .after(time))
    }

    /// Expects that every connection has ended with an outcome, and that it has no more descriptors and threads than before.
    func expectNothingLeft(since before: ProcessFigures) throws {
        try waitUntil("every connection ends") {
            let counts = try self.counts()
            return counts.accepted == counts.ended
        }
        let violations = try counts().violations
        #expect(violations == "[]")
        try waitUntil("descriptors and threads are what they were: \(before), \(try figures())") {
            let now = try figures()
            return now.descriptors <= before.descriptors && now.threads <= before.threads
        }
    }

    /// Expects that it does next to nothing for a while, though calls go on to fail.
    func expectQuiet(_ comment: String) throws {
        let before = try figures().processorTime
        pause(.milliseconds(600))
        let used = try figures().processorTime - before
        #expect(used < .milliseconds(180), "\(comment): \(used) of 600 ms")
    }

    /// Ends the service, which has to say that all ended well.
    func end() throws {
        program.signal(.terminate)
        let (end, standard, error) = try program.end()
        #expect(end == .exited(code: 0), "\(error)")
        #expect(standard.hasSuffix("ended []\n"), "\(standard.suffix(300))")
    }
}
#endif
