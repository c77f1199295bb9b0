import BerthSockets
import BerthSystem
import Testing

@testable import BerthHarbour

@Suite("What a harbour and its operators and workers say to each other")
struct ControlTests {
    @Test("requests survive the way there")
    func requests() throws {
        let requests: [ControlRequest] = [
            .status, .reload, .finish, .back, .pause, .resume, .scale(3), .share(10), .drain(worker: nil),
            .drain(worker: 4), .stop(now: true), .stop(now: false),
            .rollout(program: ["/bin/x", "-a \"b\""], name: "v2", share: 10),
            .rollout(program: ["x"], name: nil, share: nil),
        ]
        for request in requests { #expect(try ControlRequest(line: "\(request.json)") == request) }
    }

    @Test("what is no request gets one sentence")
    func mistakes() {
        let cases = [
            ("", "a request is one line of JSON with a \"verb\""),
            ("{}", "a request is one line of JSON with a \"verb\""),
            ("{\"verb\":\"status\"}", "this harbour speaks version 1 of the protocol"),
            ("{\"verb\":\"status\",\"version\":2}", "this harbour speaks version 1 of the protocol"),
            ("{\"verb\":\"dance\",\"version\":1}", "there is no verb \"dance\""),
            ("{\"verb\":\"scale\",\"version\":1}", "scale takes \"workers\", between 1 and 1024"),
            ("{\"verb\":\"scale\",\"version\":1,\"workers\":0}", "scale takes \"workers\", between 1 and 1024"),
            ("{\"verb\":\"share\",\"version\":1,\"share\":101}", "a share is between 1 and 100 percent"),
            ("{\"verb\":\"rollout\",\"version\":1}", "rollout takes a \"program\" with its arguments"),
        ]
        for (line, sentence) in cases {
            let error = #expect(throws: ControlRequest.Mistake.self) { _ = try ControlRequest(line: line) }
            #expect(error?.description == sentence)
        }
    }

    @Test("JSON is read strictly, and written so that it is read the same")
    func json() {
        let good: [(String, JSONValue)] = [
            ("null", .null), (" [ ] ", .array([])), ("{}", .object([])), ("-12", .number(-12)),
            ("\"a\\n\\u00e9\\\"\\\\\"", .string("a\né\"\\")),
            (
                "{\"a\":[true,false,{\"b\":0}]}",
                .fields(["a": .array([.boolean(true), .boolean(false), .fields(["b": .number(0)])])])
            ),
        ]
        for (text, value) in good {
            #expect(JSONValue(parsing: text) == value)
            #expect(JSONValue(parsing: value.description) == value)
        }
        let bad = [
            "", "{", "[1,]", "{\"a\"}", "\"", "\"\u{1}\"", "1 2", "tru", "1.5", "99999999999999999999", "\"\\ud800\"",
            String(repeating: "[", count: 100_000),
        ]
        for text in bad { #expect(JSONValue(parsing: text) == nil) }
    }

    @Test("messages of the link survive the way, and what is none is nothing")
    func link() {
        var counts = WorkerCounts()
        counts.accepted = 12
        counts.active = 3
        counts.refused = 1
        counts.outcomes = ["peer finished": 8, "killed": 1]
        counts.bytes = ByteAccount(received: 1, sent: 2, discarded: 3, unacknowledged: 4, unsent: 5)
        let messages: [LinkMessage] = [
            .ready, .leaving, .waiting, .hurry, .ask, .dock([]), .dock([0, 2]), .counts(counts),
            .counts(WorkerCounts()),
            .draining(.announced(for: .seconds(5))), .draining(.telling(active: 3, within: .milliseconds(750))),
            .draining(.halfClosing(active: 2)), .draining(.resetting(active: 1)), .cut([]), .cut(Self.cuts),
            .leave(patience: .milliseconds(1500), takingQueue: true), .leave(patience: .zero, takingQueue: false),
        ]
        for message in messages { #expect(LinkMessage(message.text) == message) }
        for text in [
            "", "dance", "dock x", "leave", "leave -1 0", "counts accepted", "counts accepted=-1", "draining",
            "draining telling 1", "cut 1",
        ] {
            #expect(LinkMessage(text) == nil)
        }
    }

    private static let cuts = [
        CutConnection(
            number: 7, peer: .ipv4(.loopback, port: 4242), age: .milliseconds(15_200), silence: .milliseconds(14_900),
            unread: 3, unsent: 2048, activity: .reading, end: .reset),
        CutConnection(
            number: 8, peer: .unix(path: "/run/a b"), age: .seconds(1), activity: .blockingLoop, end: .handlerGoesOn),
    ]

    @Test("a connection that was cut is told of in one sentence")
    func cutSentences() {
        #expect(
            Self.cuts.map(\.description) == [
                "#7 127.0.0.1:4242 was reset after 15.2 s: silent for 14.9 s, 3 bytes unread, 2 KiB unsent, "
                    + "its handler waited for the peer to send",
                "#8 /run/a b was reset, and its handler goes on, after 1 s: its handler blocked its event loop",
            ])
    }

    @Test("the steps of an end are sentences")
    func stepSentences() {
        let steps: [DrainStep] = [
            .announced(for: .seconds(5)), .telling(active: 1, within: .milliseconds(3)),
            .telling(active: 900, within: .milliseconds(2700)), .halfClosing(active: 2), .resetting(active: 1),
            .resetting(active: 2),
        ]
        #expect(
            steps.map(\.description) == [
                "ending; not ready any more, accepting for 5 s more", "ending; 1 connection open",
                "ending; 900 connections open, told within 2.7 s",
                "the time is over for 2 connections, whose handlers are cancelled", "1 connection is reset",
                "2 connections are reset",
            ])
    }

    @Test("a status is a table")
    func table() {
        let counts = JSONValue.fields([
            "accepted": .number(12), "active": .number(2), "refused": .number(0),
            "outcomes": .fields(["peer finished": .number(10)]),
            "bytes": .fields([
                "received": .number(2048), "sent": .number(1), "discarded": .number(0), "unacknowledged": .number(8),
                "unsent": .number(7),
            ]),
        ])
        let status = JSONValue.fields([
            "address": .string("127.0.0.1:80"), "pid": .number(7), "layout": .string("reuse-port"),
            "state": .string("running"), "age_seconds": .number(200), "counts": counts,
            "workers": .array([
                .fields([
                    "worker": .number(1), "pid": .number(8), "generation": .string("v1"), "state": .string("ready"),
                    "age_seconds": .number(7500), "berths": .array([.number(0), .number(1)]), "counts": counts,
                ])
            ]),
            "berths": .array([
                .fields([
                    "berth": .number(0), "address": .string("127.0.0.1:80"), "waiting": .number(3),
                    "limit": .number(4096),
                ])
            ]),
        ])
        #expect(
            StatusTable.lines(status) == [
                "127.0.0.1:80: reuse-port, running, harbour pid 7, up 3 min 20 s; 2 open, 12 accepted, 0 refused",
                "ended: 10 peer finished", "with 2 KiB received, 1 byte sent, 7 bytes unsent",
                "WORKER  PID  VERSION  STATE  AGE        BERTHS  OPEN  ACCEPTED",
                "1       8    v1       ready  2 h 5 min  0,1     2     12", "BERTH  ADDRESS       WAITING  LIMIT",
                "0      127.0.0.1:80  3        4096",
            ])
    }
}
