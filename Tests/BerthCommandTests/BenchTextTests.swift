import BerthSockets
import Testing

@testable import BerthCommand

/// The texts of the reports.
@Suite("Bench: reports")
struct BenchTextTests {
    private static func result(_ change: (inout LoadPlan) -> Void = { _ in }) throws -> LoadResult {
        var plan = LoadPlan(address: .ipv4(.loopback, port: 12345))
        change(&plan)
        let harvest = LoadCollector(threads: 1).harvest
        var result = LoadResult(plan: plan, wireCount: 72, harvest: harvest)
        result.measured = .seconds(10)
        result.counts.replies = 2_500_000
        result.counts.bytes = 180_000_000
        result.counts.processorTime = 9_600_000_000
        result.busiestThread = 9_600_000_000
        result.latency = LatencySummary(p50: 182_400, p90: 240_000, p99: 402_000, p999: 1_204_000, maximum: 12_345_678)
        result.latencyCount = 2_500_000
        result.meanLatency = 190_000.5
        return result
    }

    @Test("latencies have three digits and the unit in which they are below a thousand")
    func latencies() {
        let cases: [(UInt64, String)] = [
            (0, "0 ns"), (999, "999 ns"), (1000, "1.00 µs"), (18_449, "18.4 µs"), (99_950, "100 µs"),
            (999_499, "999 µs"), (999_500, "1.00 ms"), (12_345_678, "12.3 ms"), (2_500_000_000, "2.50 s"),
            (1_234_567_000_000, "1,235 s"),
        ]
        for (nanoseconds, text) in cases { #expect(Amount.latency(nanoseconds: nanoseconds) == text) }
        #expect(Amount.threeDigits(0.1824) == "0.182")
        #expect(Amount.threeDigits(0) == "0.000")
        #expect(Amount.grouped(-1_234_567) == "-1,234,567")
    }

    @Test("a fine run is told in a few aligned lines")
    func fine() throws {
        var result = try Self.result()
        result.serverProcessorTime = .seconds(9)
        #expect(
            result.text == """
                127.0.0.1:12345: closed loop, 64 connections with 1 message in flight each, bodies of 64 bytes

                errors    none; every byte of every reply was checked

                requests  250,000/s: 2,500,000 replies of 72 bytes in 10 s, 17.1 MiB/s each way
                latency      p50     p90     p99    p99.9      max
                          182 µs  240 µs  402 µs  1.20 ms  12.3 ms
                CPU       generator  3.84 µs/request  96 % of a core
                          service    3.60 µs/request  90 % of a core
                """)
        #expect(
            result.warning
                == "the generator used 96 % of a core in one thread: it may be the limit, not the service; "
                + "try --threads 2")
        result.busiestThread = 8_900_000_000
        #expect(result.warning == nil)
        #expect(result.isFine)
    }

    @Test("errors come first, by kind, the most frequent first, each with an example")
    func errors() throws {
        var result = try Self.result {
            $0.pace = .open(perSecond: 20_000)
            $0.isChurning = true
            $0.threads = 2
        }
        result.failures.count(.reset) { "connection 3: the peer reset the connection (ECONNRESET)" }
        for number in 0..<1200 { result.failures.count(.closedEarly) { "connection \(number): first" } }
        result.counts.lost = 1
        result.counts.unsent = 7
        result.wasCutShort = true
        let text = result.text.split(separator: "\n", omittingEmptySubsequences: false).prefix(9).joined(
            separator: "\n")
        #expect(
            text == """
                127.0.0.1:12345: open loop at 20,000/s, a connection for each message, 64 connections at a time, \
                bodies of 64 bytes, 2 threads
                ended early, after 10 s of 10 s

                errors    1,201
                  closed early  1,200  for example connection 0: first
                  reset             1  for example connection 3: the peer reset the connection (ECONNRESET)
                  1 message without a reply because of them

                requests  250,000/s: 2,500,000 replies of 72 bytes in 10 s, 17.1 MiB/s each way
                """)
        let schedule = "7 messages were due and never sent, and count with the time they had waited"
        #expect(result.text.contains("schedule  kept, but \(schedule)\n"))
        result.latencyCount = 600
        #expect(result.text.contains("schedule  the service fell behind: \(schedule)\n"))
        #expect(!result.isFine)
    }

    @Test("a run without any reply, or ended within its warm-up, says so and is not fine")
    func nothing() throws {
        var result = try Self.result()
        result.counts = LoadCounts()
        result.measured = .zero
        #expect(
            result.text.hasSuffix(
                "errors    none, and no reply\n\nnothing was measured: the run ended within its warm-up"))
        #expect(!result.isFine)
        #expect(result.json.contains(#""requests_per_second":0.0"#))
    }

    @Test("the seconds are a table")
    func series() throws {
        var result = try Self.result()
        result.samples = [
            LoadSample(number: 0, replies: 250_000, failures: 0, latency: result.latency),
            LoadSample(number: 1, replies: 0, failures: 12, latency: LatencySummary()),
        ]
        #expect(
            result.seriesText == """
                second  requests  errors     p50     p99      max
                     1   250,000       0  182 µs  402 µs  12.3 ms
                     2         0      12       -       -        -
                """)
        #expect(result.samples[0].progress == "1 s  250,000/s  p50 182 µs  p99 402 µs")
        #expect(result.samples[1].progress == "2 s  0/s  12 errors")
    }

    @Test("JSON has a version, and a unit in the name of each number")
    func json() throws {
        var result = try Self.result { $0.bodyCount = 64 }
        result.failures.count(.noReply) { "connection 1: \"x\"" }
        result.samples = [LoadSample(number: 0, replies: 5, failures: 1, latency: LatencySummary())]
        #expect(
            result.json == """
                {"version":1,"address":"127.0.0.1:12345","loop":"closed","churn":false,"framing":"raw chunks",\
                "connections":64,"depth_messages":1,"threads":1,"body_bytes":64,"message_bytes":72,\
                "warm_up_seconds":1.0,"measured_seconds":10.0,"ended_early":false,"errors":1,\
                "errors_by_kind":[{"kind":"no_reply","count":1,"example":"connection 1: \\"x\\""}],\
                "replies":2500000,"lost_messages":0,"requests_per_second":250000.0,\
                "received_bytes_per_second":18000000.0,\
                "latency":{"count":2500000,"mean_us":190.001,"p50_us":182.4,"p90_us":240.0,"p99_us":402.0,\
                "p999_us":1204.0,"max_us":12345.678},"generator_cpu_us_per_request":3.84,\
                "generator_cpu_cores":0.96,"busiest_generator_thread_cores":0.96,\
                "service_cpu_us_per_request":null,"service_cpu_cores":null,\
                "series":[{"second":1,"replies":5,"errors":1,"p50_us":0.0,"p90_us":0.0,"p99_us":0.0,"p999_us":0.0,\
                "max_us":0.0}]}
                """)
    }

    @Test("a comparison is a table, bars, and who is best")
    func comparison() throws {
        var one = try Self.result()
        one.serverProcessorTime = .seconds(9)
        var two = one
        two.counts.replies = 1_250_000
        two.latency.p99 = 201_000
        var comparison = ModelComparison(results: [
            ModelResult(model: "threads", outcome: .success(one)),
            ModelResult(model: "event-loops", outcome: .success(two)),
        ])
        #expect(
            comparison.text == """
                closed loop, 64 connections with 1 message in flight each, bodies of 64 bytes

                model        errors  requests/s  CPU/request     p50     p99
                threads           0     250,000      3.60 µs  182 µs  402 µs
                event-loops       0     125,000      7.20 µs  182 µs  201 µs

                requests/s
                  threads      ████████████████████████████████████████ 250,000
                  event-loops  ████████████████████ 125,000

                CPU of the service for a request
                  threads      ████████████████████ 3.60 µs
                  event-loops  ████████████████████████████████████████ 7.20 µs

                p50
                  threads      ████████████████████████████████████████ 182 µs
                  event-loops  ████████████████████████████████████████ 182 µs

                p99
                  threads      ████████████████████████████████████████ 402 µs
                  event-loops  ████████████████████ 201 µs

                least CPU for a request: threads, 3.60 µs
                lowest p99: event-loops, 201 µs
                one run each: differences of a few percent say nothing
                """)
        #expect(comparison.isFine)
        #expect(comparison.json.hasSuffix(#""least_cpu_model":"threads","lowest_p99_model":"event-loops"}"#))
        comparison.results[0].outcome = .failure(CommandFailure(message: "it ended without a word"))
        #expect(comparison.text.contains("\nthreads could not be served: it ended without a word\n"))
        #expect(!comparison.isFine)
        #expect(comparison.leastProcessorTime == nil)
    }
}
