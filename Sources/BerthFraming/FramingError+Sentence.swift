extension FramingError.Code {
    /// The sentence, without a hint.
    var sentence: String {
        switch self {
        case .lengthBelowMinimum(let announced, let minimum):
            "the peer announced a frame of \(size(announced)), less than the \(size(minimum)) of its length prefix, "
                + "which counts itself"
        case .frameTooLarge(let announced?, let limit, let parameter):
            "the peer announced a frame of \(size(announced)), above the limit of \(limit) that "
                + "\(parameter.rawValue) sets"
        case .frameTooLarge(nil, let limit, let parameter):
            "the peer sent a frame that is longer than \(limit), the limit that \(parameter.rawValue) sets"
        case .lengthNotRepresentable(let announced):
            "the peer announced a frame of \(ByteCount.grouped(announced)) bytes, which no memory can hold: "
                + "lengths end below 2^63"
        case .lineTooLong(let limit):
            "the peer sent a line that is longer than \(limit), the limit that maximumLine sets"
        case .headersTooLarge(let limit):
            "the header lines are longer than \(limit), the limit that maximumHeaders sets"
        case .tooManyHeaderLines(let limit):
            "there are more than \(limit) header lines, the limit that maximumHeaderLines sets"
        case .malformedHeader(let line, let problem):
            "header line \(line) \(problem.sentence)"
        case .duplicateContentLength:
            "there is more than one Content-Length header, so that the end of the body is in doubt"
        case .invalidContentLength(let text):
            "the Content-Length \"\(text)\" is not a plain number of bytes below 2^63"
        case .truncated(let have, let need?):
            "the stream ended within a frame, after \(ByteCount.grouped(UInt64(max(0, have)))) of its "
                + "\(size(need))"
        case .truncated(let have, nil):
            "the stream ended within a frame, after \(size(have)) and before the mark that ends it"
        case .invalidUTF8(let offset):
            "the frame is not valid UTF-8 at offset \(offset); where a length prefix says how long it is, a likely "
                + "cause is a sender that counts characters instead of bytes"
        case .bodyTooLarge(let count, let limit, let parameter):
            "a body of \(size(count)) is above the limit of \(limit) that \(parameter.rawValue) sets"
        case .lengthDoesNotFit(let count, let prefixBytes):
            "a body of \(size(count)) is too long for a length prefix of \(size(prefixBytes))"
        case .forbiddenBytes(let mark):
            "the body holds \(mark), which ends a frame, so that it cannot be sent as one frame"
        case .lengthRequired:
            "the length of the body has to be known before it is sent, because it precedes the body"
        case .bodyLengthMismatch(let announced, let sent):
            "a body of \(size(announced)) was announced, but \(size(sent)) were given"
        case .wrongFixedLength(let expected, let actual):
            "a body of \(size(actual)) was given, but every frame has exactly \(size(expected))"
        case .headNotSupported(let count):
            "the frame has header lines (\(size(count))), but this framing carries none"
        case .conflictingContentLength(let announced, let body):
            "the head says Content-Length: \(announced), but the body has \(size(body))"
        case .custom(let sentence):
            sentence
        }
    }

    private func size(_ bytes: UInt64) -> String { ByteCount.describe(bytes) }
    private func size(_ bytes: Int) -> String { ByteCount.describe(UInt64(max(0, bytes))) }
}

extension FramingError.HeaderProblem {
    /// The end of a sentence that begins with "header line 2".
    var sentence: String {
        switch self {
        case .noColon: "has no colon"
        case .emptyName: "has no name before its colon"
        case .invalidName: "has a name with white space or another byte that no header name may hold"
        case .folded: "begins with white space: folded header lines are not accepted"
        case .controlCharacter: "holds a NUL or a CR in its value"
        case .blank: "is blank, where a line has to be"
        case .transferEncoding: "is a Transfer-Encoding: only Content-Length may tell the length of a body here"
        }
    }
}
