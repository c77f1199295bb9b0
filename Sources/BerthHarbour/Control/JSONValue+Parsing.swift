extension JSONValue {
    /// Reads one value, and nothing behind it; `nil` when it is none. Nested 32 deep at most; of numbers only whole ones.
    package init?(parsing text: String) {
        var reader = Reader(scalars: Array(text.unicodeScalars))
        guard let value = reader.value(depth: 0) else { return nil }
        reader.skipSpace()
        guard reader.isAtEnd else { return nil }
        self = value
    }

    private struct Reader {
        let scalars: [Unicode.Scalar]
        var position = 0

        init(scalars: [Unicode.Scalar]) { self.scalars = scalars }

        var isAtEnd: Bool { position == scalars.count }
        private var next: Unicode.Scalar? { isAtEnd ? nil : scalars[position] }

        mutating func skipSpace() {
            while let scalar = next, " \t\r\n".unicodeScalars.contains(scalar) { position += 1 }
        }

        /// Passes over a character, if it is the next one.
        private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
            skipSpace()
            if next != scalar { return false }
            position += 1
            return true
        }

        mutating func value(depth: Int) -> JSONValue? {
            if depth > 32 { return nil }
            skipSpace()
            switch next {
            case "{": return object(depth)
            case "[": return array(depth)
            case "\"": return string().map { .string($0) }
            case "t": return word("true", .boolean(true))
            case "f": return word("false", .boolean(false))
            case "n": return word("null", .null)
            default: return number()
            }
        }

        private mutating func word(_ word: String, _ value: JSONValue) -> JSONValue? {
            let end = position + word.unicodeScalars.count
            guard end <= scalars.count, scalars[position..<end].elementsEqual(word.unicodeScalars) else { return nil }
            position = end
            return value
        }

        private mutating func number() -> JSONValue? {
            var digits = ""
            while let scalar = next, ("0"..."9").contains(scalar) || (scalar == "-" && digits.isEmpty) {
                digits.unicodeScalars.append(scalar)
                position += 1
            }
            return Int(digits).map { .number($0) }
        }

        private mutating func array(_ depth: Int) -> JSONValue? {
            guard take("[") else { return nil }
            var elements: [JSONValue] = []
            if take("]") { return .array(elements) }
            repeat {
                guard let element = value(depth: depth + 1) else { return nil }
                elements.append(element)
            } while take(",")
            return take("]") ? .array(elements) : nil
        }

        private mutating func object(_ depth: Int) -> JSONValue? {
            guard take("{") else { return nil }
            var members: [Member] = []
            if take("}") { return .object(members) }
            repeat {
                skipSpace()
                guard let name = string(), take(":"), let value = value(depth: depth + 1) else { return nil }
                members.append(Member(name: name, value: value))
            } while take(",")
            return take("}") ? .object(members) : nil
        }

        private mutating func string() -> String? {
            guard take("\"") else { return nil }
            var text = String.UnicodeScalarView()
            while let scalar = next {
                position += 1
                switch scalar {
                case "\"": return String(text)
                case "\\":
                    guard let escaped = escape() else { return nil }
                    text.append(escaped)
                case "\u{0}"..."\u{1F}": return nil
                default: text.append(scalar)
                }
            }
            return nil
        }

        /// What stands behind a backslash. Halves of surrogate pairs are not taken: nobody needs them here.
        private mutating func escape() -> Unicode.Scalar? {
            guard let scalar = next else { return nil }
            position += 1
            switch scalar {
            case "\"", "\\", "/": return scalar
            case "n": return "\n"
            case "t": return "\t"
            case "r": return "\r"
            case "b": return "\u{8}"
            case "f": return "\u{c}"
            case "u":
                guard position + 4 <= scalars.count else { return nil }
                let digits = String(String.UnicodeScalarView(scalars[position..<position + 4]))
                position += 4
                return UInt32(digits, radix: 16).flatMap { Unicode.Scalar($0) }
            default: return nil
            }
        }
    }
}
