/// One header line taken apart: `Name: value` (RFC 9110, 5; RFC 9112, 5).
struct HeaderLine {
    /// Offsets of the name in the input.
    let name: Range<Int>
    /// Offsets of the value, without the white space around it.
    let value: Range<Int>

    /// Takes the bytes at `line` apart, which hold no line end.
    init(_ input: RawSpan, at line: Range<Int>) throws(Malformed) {
        guard let first = line.first else { throw Malformed(problem: .blank) }
        if Self.isBlank(input.byte(at: first)) { throw Malformed(problem: .folded) }
        let line = unsafe input.extracting(unchecked: line)
        guard let colon = ByteSearch.firstIndex(of: UInt8(ascii: ":"), in: line) else {
            throw Malformed(problem: .noColon)
        }
        if colon == 0 { throw Malformed(problem: .emptyName) }
        for index in 0..<colon where !Self.isToken(line.byte(at: index)) { throw Malformed(problem: .invalidName) }
        var start = colon + 1
        var end = line.byteCount
        while start < end, Self.isBlank(line.byte(at: start)) { start += 1 }
        while end > start, Self.isBlank(line.byte(at: end - 1)) { end -= 1 }
        for index in start..<end {
            let byte = line.byte(at: index)
            if byte == 0x0D || byte == 0 { throw Malformed(problem: .controlCharacter) }
        }
        name = first..<(first + colon)
        value = (first + start)..<(first + end)
    }

    struct Malformed: Error {
        let problem: FramingError.HeaderProblem
    }

    /// Whether the name is `text`, which is in lower case, whatever the case of its letters.
    func isNamed(_ text: StaticString, in input: RawSpan) -> Bool {
        guard name.count == text.utf8CodeUnitCount else { return false }
        for offset in 0..<name.count {
            // offset is below the length of the static text.
            let wanted = unsafe text.utf8Start[offset]
            var byte = input.byte(at: name.lowerBound + offset)
            if byte >= 0x41 && byte <= 0x5A { byte |= 0x20 }
            if byte != wanted { return false }
        }
        return true
    }

    /// A `Content-Length`: digits alone, below 2^63. No sign, no list, no space.
    func contentLength(in input: RawSpan) throws(FramingError) -> Int {
        var length = 0
        var isValid = !value.isEmpty
        for index in value where isValid {
            let byte = input.byte(at: index)
            let (shifted, tooLarge) = length.multipliedReportingOverflow(by: 10)
            let (sum, overflow) = shifted.addingReportingOverflow(Int(byte & 0x0F))
            isValid = byte >= 0x30 && byte <= 0x39 && !tooLarge && !overflow
            length = sum
        }
        if isValid { return length }
        throw FramingError(.invalidContentLength(Self.excerpt(input, at: value)))
    }

    /// The first 32 bytes at `range`, with a dot for what is not printable ASCII.
    private static func excerpt(_ input: RawSpan, at range: Range<Int>) -> String {
        var text = ""
        for index in range.prefix(32) {
            let byte = input.byte(at: index)
            text.unicodeScalars.append(byte >= 0x20 && byte < 0x7F ? Unicode.Scalar(byte) : ".")
        }
        return text
    }

    static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    /// `tchar` of RFC 9110, 5.6.2.
    static func isToken(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        case 0x21, 0x23...0x27, 0x2A, 0x2B, 0x2D, 0x2E, 0x5E...0x60, 0x7C, 0x7E: true
        default: false
        }
    }
}
