import Testing

@testable import BerthCommand

/// The texts of progress and results.
@Suite struct TransferTextTests {
    @Test(
        arguments: [
            (0, "0 bytes"), (1, "1 byte"), (1023, "1023 bytes"), (1024, "1.0 KiB"), (1535, "1.4 KiB"),
            (102_400, "100 KiB"), (1_048_575, "1023 KiB"), (1 << 20, "1.0 MiB"), (4 << 30, "4.0 GiB"),
            (Int64.max, "8191 PiB"),
        ] as [(Int64, String)])
    func sizesAreRoundedDown(_ count: Int64, _ text: String) {
        #expect(Amount.bytes(count) == text)
    }

    @Test func timesAreInTheirLargestTwoUnits() {
        #expect(Amount.time(.seconds(3)) == "3 s")
        #expect(Amount.time(.seconds(125)) == "2 min 05 s")
        #expect(Amount.time(.seconds(3_725)) == "1 h 02 min")
    }

    @Test func aProgressLineFitsTheWindow() {
        let progress = Progress(
            label: "report.pdf", begin: 0, position: 1 << 30, total: 4 << 30, elapsed: .seconds(1))
        #expect(
            progress.line(columns: 120)
                == "report.pdf  [=======                       ]  25 %  1.0 GiB of 4.0 GiB  1.0 GiB/s  3 s left")
        #expect(
            progress.line(columns: 64) == "report.pdf  25 %  1.0 GiB of 4.0 GiB  1.0 GiB/s  3 s left")
        #expect(progress.line(columns: 55) == "report…  25 %  1.0 GiB of 4.0 GiB  1.0 GiB/s  3 s left")
        for columns in 1...130 { #expect(progress.line(columns: columns).count < columns || columns == 1) }
    }

    @Test func continuedBytesDoNotCountForTheRate() {
        let progress = Progress(
            label: "x", begin: 3 << 30, position: 7 << 29, total: 4 << 30, elapsed: .seconds(1))
        #expect(progress.line(columns: 60) == "x  87 %  3.5 GiB of 4.0 GiB  512 MiB/s  1 s left")
    }

    @Test func anEmptyFileIsComplete() {
        #expect(Progress(label: "x", total: 0).percent == 100)
        #expect(Progress(label: "x", position: .max, total: .max).percent == 100)
    }

    @Test func resultsSayWhatWasMovedAndHowFast() throws {
        let digest = try #require(FileDigest(hexadecimal: FileDigestTests.abc))
        var result = TransferResult(
            name: "a \"b\"", size: 4 << 30, offset: 1 << 30, duration: .seconds(2), outcome: .stored(digest))
        #expect(
            result.text("sent") == "a \"b\": sent 3.0 GiB in 2 s (1.5 GiB/s), continued at 1.0 GiB, "
                + "SHA-256 \(digest)")
        #expect(
            result.json == #"{"version":1,"name":"a \"b\"","size":4294967296,"offset":1073741824,"seconds":2.0,"#
                + #""stored":true,"sha256":"\#(digest)"}"#)
        result.outcome = .failed("no\u{1}")
        #expect(result.text("received") == "a \"b\": not received: no\u{1}")
        #expect(result.json.hasSuffix(#""stored":false,"error":"no\u0001"}"#))
    }

    @Test func aReasonIsMadeOneLineThatFits() {
        let long = "a\nb\u{1B}" + String(repeating: "ü", count: 2000)
        let text = String(decoding: TransferMessage.failed(reason: long).encoded, as: UTF8.self)
        #expect(text.hasPrefix("berth-file/1 failed\nreason: a b ü"))
        #expect(text.utf8.count <= TransferMessage.maximumReason + 30)
        #expect(throws: Never.self) { try TransferMessage(parsing: Array(text.utf8)) }
    }

    @Test func everyMessageIsReadBackAsItWasWritten() throws {
        let digest = try #require(FileDigest(hexadecimal: FileDigestTests.abc))
        let messages: [TransferMessage] = [
            .offer(FileOffer(name: " a: b ", size: 0)),
            .offer(FileOffer(name: "x", size: FileOffer.maximumSize, wantsResume: true)),
            .accepted(offset: 0, prefix: nil), .accepted(offset: 9, prefix: digest), .refused(reason: "no: so"),
            .digest(digest), .withdrawn(reason: ""), .stored(digest), .failed(reason: "x"),
        ]
        for message in messages { #expect(try TransferMessage(parsing: message.encoded) == message) }
    }

    @Test func unknownKeysAreSkipped() throws {
        let text = "berth-file/1 offer\nname: x\nmode: 644\nsize: 1"
        #expect(try TransferMessage(parsing: Array(text.utf8)) == .offer(FileOffer(name: "x", size: 1)))
    }
}
