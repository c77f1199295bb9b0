/// The header lines of a frame, as names and values in their order.
///
/// Reading is lenient, because the codec has judged the lines already: what is not a header line is left out, except
/// that such a first line is the ``startLine``. Names are compared without regard to the case of ASCII letters.
public struct HeaderFields: Sendable, Hashable, RandomAccessCollection {
    /// One header line.
    public struct Field: Sendable, Hashable {
        public let name: String
        /// The value without the white space around it; bytes that are not UTF-8 became U+FFFD.
        public let value: String
    }

    /// The first line where it is no header line, such as `GET / HTTP/1.1`.
    public let startLine: String?
    private var fields: [Field] = []

    /// Header lines to fill, after an optional start line.
    ///
    /// - Throws: ``FramingError/Code/malformedHeader(line:problem:)`` when `startLine` is empty or holds a line end.
    public init(startLine: String) throws(FramingError) {
        if let problem = Self.problem(line: startLine) {
            throw FramingError(.malformedHeader(line: 1, problem: problem))
        }
        self.startLine = startLine
    }

    /// No header lines.
    public init() { startLine = nil }

    /// Takes `head`, the lines of a header block, apart.
    public init(_ head: RawSpan) {
        var start = 0
        var firstLine: String?
        while start < head.byteCount {
            let lf = ByteSearch.firstIndex(of: Lines.lf, in: head, from: start) ?? head.byteCount
            let end = lf > start && head.byte(at: lf - 1) == Lines.cr ? lf - 1 : lf
            do throws(HeaderLine.Malformed) {
                let line = try HeaderLine(head, at: start..<end)
                fields.append(Field(name: Self.text(head, line.name), value: Self.text(head, line.value)))
            } catch {
                if start == 0, end > 0 { firstLine = Self.text(head, 0..<end) }
            }
            start = lf + 1
        }
        startLine = firstLine
    }

    public var startIndex: Int { 0 }
    public var endIndex: Int { fields.count }
    public subscript(position: Int) -> Field { fields[position] }

    /// The value of the first header called `name`, in any case of its letters.
    public subscript(name: String) -> String? { fields.first { Self.equal($0.name, name) }?.value }

    /// The values of all headers called `name`, in their order.
    public func values(_ name: String) -> [String] {
        fields.filter { Self.equal($0.name, name) }.map(\.value)
    }

    /// Adds a header line at the end.
    ///
    /// - Throws: ``FramingError/Code/malformedHeader(line:problem:)`` when the line would not be read as this one
    ///   header again, for example because the value holds a line end that begins another header.
    public mutating func append(_ name: String, _ value: String) throws(FramingError) {
        let number = fields.count + (startLine == nil ? 1 : 2)
        let line = "\(name): \(value)"
        var problem = Self.problem(line: line)
        if problem == nil {
            let bytes = line.utf8Span.span.bytes
            do throws(HeaderLine.Malformed) {
                let parsed = try HeaderLine(bytes, at: 0..<bytes.byteCount)
                if parsed.name.count != name.utf8.count { problem = .invalidName }
            } catch {
                problem = error.problem
            }
        }
        if let problem { throw FramingError(.malformedHeader(line: number, problem: problem)) }
        fields.append(Field(name: name, value: value))
    }

    /// The lines as they go into ``Frame/head``, each ended by CRLF.
    public var encoded: [UInt8] {
        var bytes: [UInt8] = []
        if let startLine {
            bytes += startLine.utf8
            bytes += "\r\n".utf8
        }
        for field in fields {
            bytes += "\(field.name): \(field.value)\r\n".utf8
        }
        return bytes
    }

    private static func problem(line: String) -> FramingError.HeaderProblem? {
        if line.isEmpty { return .blank }
        return line.utf8.contains { $0 == Lines.cr || $0 == Lines.lf || $0 == 0 } ? .controlCharacter : nil
    }

    private static func text(_ head: RawSpan, _ range: Range<Int>) -> String {
        unsafe head.extracting(range).withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
    }

    private static func equal(_ left: String, _ right: String) -> Bool {
        let lower: (UInt8) -> UInt8 = { $0 >= 0x41 && $0 <= 0x5A ? $0 | 0x20 : $0 }
        return left.utf8.elementsEqual(right.utf8) { lower($0) == lower($1) }
    }
}
