/// A length that counts the wrong thing.
extension FramingCode {
    static let lengths = [
        Experiment(
            "framing-counts-characters",
            "The article's sender announces the number of characters, and sends bytes.",
            belief: "tsend_all prefixes the length of the message.", .onlyIf("it is ASCII"), hasDiagram: false,
            because: """
                len(msg) is taken before msg.encode(). A character is up to four bytes in UTF-8: "你好" has two characters \
                and six bytes, and its prefix should say 14.
                """
        ) { lab in
            lab.expect(
                "the article's \"你好\"", hex(ArticleFraming.message("你好")),
                is: "00 00 00 00 00 00 00 0a e4 bd a0 e5 a5 bd")
            lab.expect(
                "Berth's \"你好\"", hex(try BerthReading.message("你好")), is: "00 00 00 00 00 00 00 0e e4 bd a0 e5 a5 bd")
            for text in ["hello", "", "    "] {
                lab.expect(
                    "whether both agree on \"\(text)\"",
                    ArticleFraming.message(text) == (try BerthReading.message(text)) ? "yes" : "no", is: "yes")
            }
        },
        Experiment(
            "framing-out-of-step",
            "After one message with an accent the article's receiver takes the rest of the text for a length, for ever.",
            .answered, hasDiagram: false,
            because: """
                "éa" has two characters and three bytes. The receiver takes two: "é", without an error. The third begins the \
                next prefix, which becomes a number near 2^63. No receiver can tell the first message from a right one; \
                Berth refuses the second before it keeps anything of it, and says what was announced.
                """
        ) { lab in
            let bytes = ArticleFraming.message("éa") + ArticleFraming.message("next")
            compare(
                lab, bytes, article: "\"é\", then MemoryError",
                berth: "\"é\", then the peer announced a frame of 6,989,586,621,679,009,784 bytes, above the limit of "
                    + "1 MiB that maximumFrame sets")
        },
        Experiment(
            "framing-cut-character",
            "A text of one character with an accent arrives as half a character.", .answered, hasDiagram: false,
            because: """
                "é" is announced as one byte and is two. The receiver decodes the first and fails. Berth's text is strict \
                as well: it names the offset, and that a sender which counts characters is the likely cause.
                """
        ) { lab in
            compare(
                lab, ArticleFraming.message("é"), article: "UnicodeDecodeError at 0",
                berth: "the frame is not valid UTF-8 at offset 0; where a length prefix says how long it is, a "
                    + "likely cause is a sender that counts characters instead of bytes")
        },
        Experiment(
            "framing-counts-items",
            "For an array the article's sender announces the number of items.",
            belief: "With autoencode=False any bytes can be sent.", .onlyIf("they are a bytes object"),
            hasDiagram: false,
            because: """
                len of a memoryview or an array is its number of items. Three numbers of four bytes are announced as three \
                bytes, and twelve are sent: nine are taken for the next prefix. In Berth a body is a span of bytes.
                """
        ) { lab in
            let bytes = ArticleFraming.message(items: [1, 2, 3])
            lab.expect("bytes that are sent", bytes.count, in: 20...20)
            lab.expect("the length that is announced", hex(Array(bytes.prefix(8))), is: "00 00 00 00 00 00 00 0b")
        },
    ]
}
