/// Lengths that no message has.
extension FramingCode {
    static let headers = [
        Experiment(
            "framing-length-below-eight",
            "The article's receiver takes the impossible lengths 0 to 7 for an empty message.",
            belief: "The length counts its own 8 bytes.", .onlyIf("the receiver checks it"), hasDiagram: false,
            because: """
                A length that counts itself is at least 8. The article only asks whether there is something left to \
                receive; eight zero bytes are an empty message to it, so that a stream of zeros is endless messages. To \
                Berth they are an error of the peer.
                """
        ) { lab in
            for length in 0...7 {
                let unit = length == 1 ? "byte" : "bytes"
                compare(
                    lab, ArticleFraming.bigEndian(UInt64(length)), article: "\"\"",
                    berth:
                        "the peer announced a frame of \(length) \(unit), less than the 8 bytes of its length prefix, "
                        + "which counts itself")
            }
            compare(lab, ArticleFraming.bigEndian(8), article: "\"\"", berth: "\"\"")
        },
        Experiment(
            "framing-length-above-memory",
            "Whatever a stranger writes, the article's receiver tries to have memory for it.",
            belief: "With 8 bytes of length files of any size can be sent safely.", .isFalse, hasDiagram: false,
            because: """
                recv(n) makes a buffer of n bytes before anything arrives. The eight letters of "GET / HT" are a length of \
                5 million terabytes. Berth compares the length with maximumFrame, 1 MiB unless said otherwise, before it \
                keeps a byte of the body.
                """
        ) { lab in
            for (words, number, article) in [
                ("2^63", UInt64(1) << 63, "OverflowError"), ("2^64-1", .max, "OverflowError"),
                ("2^62", 1 << 62, "MemoryError"), ("GET / HT", 0x4745_5420_2f20_4854, "MemoryError"),
                ("8 GiB", 8 << 30, "ConnectionError"),
            ] {
                let bytes = ArticleFraming.bigEndian(number)
                lab.expect("the article on \(words)", ArticleFraming.receiveAll(bytes)[0], is: article)
                let berth = BerthReading.receiveAll(bytes)[0]
                lab.expect(
                    "Berth on \(words)", berth.hasPrefix("the peer announced a frame of ") ? "refused" : berth,
                    is: "refused")
            }
        },
        Experiment(
            "framing-split-and-joined",
            "Messages that arrive byte by byte, and several at once, are told apart by both.",
            belief: "The two functions take the nature of a stream fully into account.", .isTrue, hasDiagram: false,
            because: """
                Asking recv for the rest of one message, and for no more, never takes a byte of the next. The price is two \
                calls for each message. Berth receives what is there and takes the frames out of one buffer.
                """
        ) { lab in
            let bytes = ["one", "", "three"].flatMap { ArticleFraming.message($0) }
            for count in [1, 3, Int.max] {
                compare(
                    lab, bytes, atMost: count, article: "\"one\", then \"\", then \"three\"",
                    berth: "\"one\", then \"\", then \"three\"")
            }
        },
        Experiment(
            "framing-copies-quadratically",
            "A message of twice the size costs the article's receiver four times the copying.",
            belief: "With 8 bytes of length files of any size can be sent safely.", .isFalse, hasDiagram: false,
            because: """
                bmsg += chunk copies everything received so far, for each chunk. 64 MiB in chunks of 16 KiB take a minute. \
                And the whole message has to be in memory, more than once. Berth's buffer doubles, which copies each byte \
                about once, and readFrame(begin:chunk:) never holds more than a chunk.
                """
        ) { lab in
            func copied(_ size: Int) throws -> Double {
                var copied = 0
                var rest = ArticleFraming.bigEndian(UInt64(size + 8)) + [UInt8](repeating: 0, count: size)
                _ = try ArticleFraming.receive(copied: &copied) { count in
                    let chunk = Array(rest.prefix(min(count, 16_384)))
                    rest.removeFirst(chunk.count)
                    return chunk
                }
                return Double(copied) / Double(size)
            }
            let (one, two) = (try copied(1 << 20), try copied(2 << 20))
            lab.expect("times that 1 MiB is copied", one, in: 30...36)
            lab.expect("times that 2 MiB are copied", two, in: 60...70)
        },
    ]
}
