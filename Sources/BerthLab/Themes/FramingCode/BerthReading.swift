internal import BerthFraming

/// Berth's framing of the article's wire format, on bytes that are there already.
enum BerthReading {
    /// What Berth writes for a text.
    static func message(_ text: String) throws -> [UInt8] {
        var framing = Framing.selfCounting64
        var output = ByteQueue()
        try framing.encode(text, into: &output)
        return output.bytes.withUnsafeBytes { unsafe Array($0) }
    }

    /// All messages of some bytes, until the codec refuses them or they end: each as text, and last what it says.
    ///
    /// - Parameter count: how many bytes arrive at a time.
    static func receiveAll(_ bytes: [UInt8], atMost count: Int = .max) -> [String] {
        var framing = Framing.selfCounting64
        var queue = ByteQueue()
        var rest = bytes[...]
        var results: [String] = []
        do {
            while true {
                switch try framing.decode(queue.bytes, atEnd: rest.isEmpty) {
                case .frame(let extent):
                    results.append("\"\(try BorrowedFrame(extent, in: queue.bytes).text())\"")
                    queue.consume(extent.consumed)
                case .needsMore:
                    let chunk = rest.prefix(min(count, rest.count))
                    rest = rest.dropFirst(chunk.count)
                    queue.append(Array(chunk))
                case .end: return results
                }
            }
        } catch { return results + ["\(error)"] }
    }
}
