/// Framing: the article's two functions, and Berth's codec for the same wire format.
enum FramingCode {
    static let all: [Experiment] = lengths + headers + transport

    /// What the article's receiver and Berth's make of the same bytes.
    static func compare(
        _ lab: Stage, _ bytes: [UInt8], atMost count: Int = .max, article: String, berth: String
    ) {
        let words = bytes.count <= 24 ? " \(hex(bytes))" : ""
        lab.expect(
            "the article's receiver on\(words)",
            ArticleFraming.receiveAll(bytes, atMost: count).joined(separator: ", then "), is: article)
        lab.expect(
            "Berth's on the same", BerthReading.receiveAll(bytes, atMost: count).joined(separator: ", then "), is: berth
        )
    }

    static func hex(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
    }
}
