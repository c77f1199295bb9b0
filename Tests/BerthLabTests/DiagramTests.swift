import BerthLab
import Testing

/// Diagrams as exact text.
@Suite struct DiagramTests {
    static var trace: Trace {
        var trace = Trace()
        trace.entries = [
            .init(time: 0, event: .call(.server, "listen(listener, 5)")),
            .init(time: 1_234_000, event: .call(.client, "connect(client, :12345)")),
            .init(time: 1_250_000, event: .packet(from: .client, label: "[S] seq 0", isIncidental: false)),
            .init(
                time: 1_260_000, event: .packet(from: .server, label: "[S.] seq 0 ack 1", isIncidental: false)),
            .init(
                time: 1_270_000, event: .packet(from: .client, label: "[.] seq 1 ack 1", isIncidental: true)),
            .init(time: 1_300_000, event: .state(.client, "client ESTABLISHED")),
            .init(time: 12_000_000, event: .note("a moment later")),
            .init(
                time: 12_000_000,
                event: .check(Check(subject: "the bind", expected: "OK", observed: "EADDRINUSE", holds: false))),
        ]
        return trace
    }

    @Test func `a diagram for the terminal has times, calls, arrows, states and comparisons`() {
        #expect(
            Diagram(Self.trace).text == """
                                           client |                        | server
                     0.00                         |                        | listen(listener, 5)
                     1.23 connect(client, :12345) |                        |
                     1.25                         |--- [S] seq 0 --------->|
                     1.26                         |<-- [S.] seq 0 ack 1 ---|
                     1.27                         |--- [.] seq 1 ack 1 --->|
                     1.30    (client ESTABLISHED) |                        |
                    12.00                           a moment later
                    12.00                         ! the bind: expected OK, seen instead: EADDRINUSE
                """)
    }

    @Test func `a diagram for documents has neither times nor incidental packets nor states`() {
        let diagram = Diagram(Self.trace, isStable: true)
        #expect(
            diagram.rows == [
                .beside(left: "", right: "listen(listener, 5)"), .beside(left: "connect(client, :12345)", right: ""),
                .arrow(toRight: true, label: "[S] seq 0"), .arrow(toRight: false, label: "[S.] seq 0 ack 1"),
                .across("a moment later"), .check("the bind: OK", holds: false),
            ])
    }

    @Test func `an image has a line for each row, escaped, and its size fits its texts`() throws {
        var trace = Trace()
        let long = "a call whose text is longer than any line of a diagram should be, <and> has to be broken"
        trace.entries = [.init(time: 0, event: .call(.server, long))]
        let svg = Diagram(trace).svg
        #expect(svg.hasPrefix("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\""))
        #expect(svg.contains("&lt;and&gt;"))
        // Three lines of text for the call, and the two titles.
        #expect(svg.split(separator: "\n").count { $0.hasPrefix("<text") } == 4)
    }

    @Test func `experiments have different ids, a claim that is a sentence, and no words that are too long`() {
        let all = Catalogue.all
        #expect(Set(all.map(\.id)).count == all.count)
        for experiment in all {
            #expect(experiment.claim.hasSuffix("."), "\(experiment.id)")
            #expect(experiment.claim.count <= 130, "\(experiment.id): \(experiment.claim.count)")
            #expect(experiment.id.allSatisfy { $0.isLowercase || $0.isNumber || $0 == "-" }, "\(experiment.id)")
            #expect(!experiment.explanation.isEmpty, "\(experiment.id)")
        }
    }
}
