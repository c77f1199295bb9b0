/// Why bytes could not be taken as frames, or a frame could not be put into bytes.
///
/// After an error in decoding the position in the stream is lost and the connection has to be closed. An error in
/// encoding leaves the stream as it was: nothing of the refused piece was written.
///
/// ``description`` is one sentence for people; ``code`` carries the same evidence for programs.
public struct FramingError: Error, Sendable, Hashable, CustomStringConvertible {
    // One word, so that a codec can keep its error at no cost and a throw moves one register.
    private let storage: Storage

    private final class Storage: Sendable {
        let code: Code
        let hint: String?

        init(code: Code, hint: String?) {
            self.code = code
            self.hint = hint
        }
    }

    /// Creates an error; a custom codec uses ``Code/custom(_:)`` where no other code fits.
    ///
    /// - Parameter hint: a likely cause, put behind the sentence.
    public init(_ code: Code, hint: String? = nil) {
        storage = Storage(code: code, hint: hint)
    }

    /// What happened, with its evidence.
    public var code: Code { storage.code }

    /// A likely cause, where there is one.
    public var hint: String? { storage.hint }

    /// One sentence: what happened, with the numbers, and the name of the parameter that sets the limit that was hit.
    public var description: String {
        guard let hint else { return code.sentence }
        return "\(code.sentence); \(hint)"
    }

    public static func == (left: FramingError, right: FramingError) -> Bool {
        left.storage === right.storage || (left.code == right.code && left.hint == right.hint)
    }

    public func hash(into hasher: inout Hasher) { hasher.combine(code) }
}

extension FramingError {
    /// What happened. Sizes are in bytes.
    public enum Code: Sendable, Hashable {
        // While decoding.

        /// A length prefix that counts itself says less than its own size.
        case lengthBelowMinimum(announced: UInt64, minimum: Int)
        /// The peer's frame is above the limit; `announced` is `nil` where the protocol tells no length beforehand.
        case frameTooLarge(announced: UInt64?, limit: ByteCount, parameter: Limit)
        /// The announced length is 2^63 or more, or comes to that with its prefix.
        case lengthNotRepresentable(announced: UInt64)
        /// A line is longer than the limit, not counting its line end.
        case lineTooLong(limit: ByteCount)
        /// The header lines are longer than the limit, counting their line ends.
        case headersTooLarge(limit: ByteCount)
        /// There are more header lines than the limit.
        case tooManyHeaderLines(limit: Int)
        /// A line of the head is not a header; `line` counts from 1.
        case malformedHeader(line: Int, problem: HeaderProblem)
        /// More than one `Content-Length`, equal or not.
        case duplicateContentLength
        /// A `Content-Length` that is not a plain decimal number below 2^63. `text` holds its first 32 bytes.
        case invalidContentLength(String)
        /// The stream ended within a frame. `need` is `nil` where only an end mark tells the length.
        case truncated(have: Int, need: Int?)
        /// The frame is not UTF-8; `offset` is that of the first byte that cannot be decoded.
        case invalidUTF8(offset: Int)

        // While encoding.

        /// The body is above the limit that the codec sets for both directions.
        case bodyTooLarge(count: Int, limit: ByteCount, parameter: Limit)
        /// The length of the body does not fit into the length prefix.
        case lengthDoesNotFit(count: Int, prefixBytes: Int)
        /// The body holds the bytes that end a frame. `mark` names them for people.
        case forbiddenBytes(mark: String)
        /// The body's length must be known before it is sent.
        case lengthRequired
        /// More or fewer bytes passed as the body than were announced.
        case bodyLengthMismatch(announced: Int, sent: Int)
        /// The body is not of the fixed length.
        case wrongFixedLength(expected: Int, actual: Int)
        /// The frame has header lines, but the framing carries none.
        case headNotSupported(count: Int)
        /// The head holds a `Content-Length` that is not that of the body.
        case conflictingContentLength(announced: Int, body: Int)

        /// For codecs outside this library: the sentence itself.
        case custom(String)
    }

    /// The parameter that sets a limit on a whole frame.
    public enum Limit: String, Sendable, Hashable {
        case maximumFrame, maximumBody, maximumLine
    }

    /// What is wrong with a header line.
    public enum HeaderProblem: Sendable, Hashable {
        /// There is no colon.
        case noColon
        /// Nothing precedes the colon.
        case emptyName
        /// A byte that no name may hold (RFC 9110, 5.6.2), such as white space before the colon.
        case invalidName
        /// The line begins with white space: line folding, which RFC 9112, 5.2 abolished.
        case folded
        /// The value holds a NUL or a CR (RFC 9110, 5.5).
        case controlCharacter
        /// A blank line where a header or a start line has to be.
        case blank
        /// `Transfer-Encoding`, which would frame the body in another way than `Content-Length`.
        case transferEncoding
    }
}
