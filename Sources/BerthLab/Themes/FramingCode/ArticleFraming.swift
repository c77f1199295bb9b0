/// The article's `tsend_all` and `trecv_all`, with all their ways, apart from the socket.
///
/// Source: 详解TCP编程(Python版), <https://cs.pynote.net/net/tcp/202202062/>.
enum ArticleFraming {
    /// What Python raises where this code fails.
    enum Failure: Error, CustomStringConvertible {
        /// `'utf-8' codec can't decode byte`.
        case unicodeDecodeError(offset: Int)
        /// `recv` is asked for a buffer that no memory holds, or for more than an `ssize_t` can count.
        case memoryError
        case overflowError
        case connectionError
        case timeout

        var description: String {
            switch self {
            case .unicodeDecodeError(let offset): "UnicodeDecodeError at \(offset)"
            case .memoryError: "MemoryError"
            case .overflowError: "OverflowError"
            case .connectionError: "ConnectionError"
            case .timeout: "timeout"
            }
        }
    }

    /// `prefix = (len(msg)+8).to_bytes(8, 'big')`, and the encoded text: `len` of a Python text counts code points.
    static func message(_ text: String) -> [UInt8] { prefix(text.unicodeScalars.count) + Array(text.utf8) }

    /// The same for what is not text: `len` of an array counts its items.
    static func message(items: [UInt32]) -> [UInt8] {
        prefix(items.count) + items.flatMap { item in (0..<4).map { UInt8(truncatingIfNeeded: item >> (8 * $0)) } }
    }

    private static func prefix(_ length: Int) -> [UInt8] { bigEndian(UInt64(length + 8)) }

    static func bigEndian(_ number: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: number >> (56 - 8 * $0)) }
    }

    /// `trecvb_all`: one message, from a `recv` that gives at most as much as it is asked for.
    ///
    /// - Parameter copied: how many bytes `bmsg += chunk` copies; grows with it.
    static func receive(
        copied: inout Int, _ recv: (_ count: Int) throws -> [UInt8]
    ) throws -> [UInt8] {
        var message: [UInt8] = []
        func append(_ chunk: [UInt8]) throws {
            if chunk.isEmpty { throw Failure.connectionError }
            // Python's bytes cannot grow: each += makes a new object of everything so far.
            message += chunk
            copied += message.count
        }
        while message.count < 8 { try append(recv(8 - message.count)) }
        let length = message.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        while message.count < length {
            let rest = length - UInt64(message.count)
            // The buffer is made before anything is received. With its head of 33 bytes it has to be an ssize_t, and no
            // machine has 2^40 bytes for it.
            if rest > UInt64(Int.max - 33) { throw Failure.overflowError }
            if rest >= 1 << 40 { throw Failure.memoryError }
            try append(recv(Int(rest)))
        }
        return Array(message.dropFirst(8))
    }

    /// All messages of some bytes, until the code fails or they end: each as text, and last what it raised.
    static func receiveAll(_ bytes: [UInt8], atMost count: Int = .max) -> [String] {
        var rest = bytes[...]
        var results: [String] = []
        var copied = 0
        while !rest.isEmpty {
            do {
                let body = try receive(copied: &copied) { wanted in
                    let chunk = rest.prefix(min(wanted, count))
                    rest = rest.dropFirst(chunk.count)
                    return Array(chunk)
                }
                results.append("\"\(try text(body))\"")
            } catch {
                results.append("\(error)")
                break
            }
        }
        return results
    }

    /// `.decode()`.
    private static func text(_ bytes: [UInt8]) throws -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            let valid = (0...bytes.count).last { String(validating: bytes.prefix($0), as: UTF8.self) != nil } ?? 0
            throw Failure.unicodeDecodeError(offset: valid)
        }
        return text
    }
}
