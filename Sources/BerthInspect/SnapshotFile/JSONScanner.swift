/// Reads JSON (RFC 8259) front to back without building a tree: whoever reads says what is expected next. Every
/// mistake names the byte where it is.
package final class JSONScanner {
    /// What is wrong with a text, and where.
    package struct Mistake: Error, Sendable, Hashable, CustomStringConvertible {
        package var offset: Int
        package var expected: String
        package var description: String { "byte \(offset): expected \(expected)" }
    }

    private let bytes: [UInt8]
    package private(set) var offset = 0
    /// How deep arrays and objects may lie in each other.
    private static let deepest = 32

    package init(_ bytes: [UInt8]) { self.bytes = bytes }

    package func mistake(_ expected: String) -> Mistake {
        Mistake(offset: offset, expected: offset < bytes.count ? expected : "\(expected), not the end of the file")
    }

    // MARK: Structure

    private func skipSpace() {
        while offset < bytes.count, [0x20, 0x09, 0x0a, 0x0d].contains(bytes[offset]) { offset += 1 }
    }

    private func take(_ byte: UInt8) -> Bool {
        skipSpace()
        guard offset < bytes.count, bytes[offset] == byte else { return false }
        offset += 1
        return true
    }

    private func expect(_ byte: UInt8, _ name: String) throws(Mistake) {
        if !take(byte) { throw mistake(name) }
    }

    /// Calls `body` for each element, at its first byte.
    package func array(_ body: () throws(Mistake) -> Void) throws(Mistake) {
        try expect(UInt8(ascii: "["), "a list")
        if take(UInt8(ascii: "]")) { return }
        repeat { try body() } while take(UInt8(ascii: ","))
        try expect(UInt8(ascii: "]"), "a comma or the end of the list")
    }

    /// Calls `body` for each member, at the first byte of its value.
    package func object(_ body: (String) throws(Mistake) -> Void) throws(Mistake) {
        try expect(UInt8(ascii: "{"), "an object")
        if take(UInt8(ascii: "}")) { return }
        repeat {
            let name = try string()
            try expect(UInt8(ascii: ":"), "a colon")
            try body(name)
        } while take(UInt8(ascii: ","))
        try expect(UInt8(ascii: "}"), "a comma or the end of the object")
    }

    /// Fails unless nothing follows.
    package func end() throws(Mistake) {
        skipSpace()
        if offset < bytes.count { throw mistake("the end of the file") }
    }

    /// Passes over a value of any kind.
    package func skip(depth: Int = 0) throws(Mistake) {
        skipSpace()
        guard depth < Self.deepest else { throw mistake("fewer lists in lists") }
        guard offset < bytes.count else { throw mistake("a value") }
        switch bytes[offset] {
        case UInt8(ascii: "["): try array { () throws(Mistake) in try skip(depth: depth + 1) }
        case UInt8(ascii: "{"): try object { _ throws(Mistake) in try skip(depth: depth + 1) }
        case UInt8(ascii: "\""): _ = try string()
        case UInt8(ascii: "t"), UInt8(ascii: "f"): _ = try bool()
        case UInt8(ascii: "n"): if !isNull() { throw mistake("a value") }
        default: _ = try integer()
        }
    }

    // MARK: Values

    /// Takes `null`, if that is next.
    package func isNull() -> Bool { takeWord("null") }

    package func bool() throws(Mistake) -> Bool {
        if takeWord("true") { return true }
        if takeWord("false") { return false }
        throw mistake("true or false")
    }

    private func takeWord(_ word: StaticString) -> Bool {
        skipSpace()
        let count = word.utf8CodeUnitCount
        guard offset + count <= bytes.count else { return false }
        for index in 0..<count {
            // A literal's text outlives everything.
            guard unsafe bytes[offset + index] == word.utf8Start[index] else { return false }
        }
        offset += count
        return true
    }

    /// A whole number of the type that is wanted.
    package func integer<Number: FixedWidthInteger>(_ type: Number.Type = Int.self) throws(Mistake) -> Number {
        skipSpace()
        let start = offset
        let isNegative = offset < bytes.count && bytes[offset] == UInt8(ascii: "-")
        if isNegative { offset += 1 }
        var magnitude: UInt64 = 0
        let digits = offset
        while offset < bytes.count, bytes[offset] >= 0x30, bytes[offset] <= 0x39 {
            let (product, overflow) = magnitude.multipliedReportingOverflow(by: 10)
            let (sum, overflowed) = product.addingReportingOverflow(UInt64(bytes[offset] - 0x30))
            if overflow || overflowed { break }
            magnitude = sum
            offset += 1
        }
        guard offset > digits, offset == bytes.count || !"0123456789.eE".utf8.contains(bytes[offset]) else {
            offset = start
            throw mistake("a whole number")
        }
        let value =
            isNegative
            ? (magnitude <= 1 << 63 ? Number(exactly: 0 - Int128(magnitude)) : nil)
            : Number(exactly: magnitude)
        guard let value else {
            offset = start
            throw mistake("a number between \(Number.min) and \(Number.max)")
        }
        return value
    }

    package func string() throws(Mistake) -> String {
        try expect(UInt8(ascii: "\""), "a text")
        let start = offset
        var unescaped: [UInt8]?
        while offset < bytes.count {
            let byte = bytes[offset]
            switch byte {
            case UInt8(ascii: "\""):
                let text = unescaped ?? Array(bytes[start..<offset])
                guard let result = String(validating: text, as: UTF8.self) else { throw mistake("UTF-8") }
                offset += 1
                return result
            case UInt8(ascii: "\\"):
                if unescaped == nil { unescaped = Array(bytes[start..<offset]) }
                offset += 1
                unescaped? += try escape()
            case 0..<0x20: throw mistake("no control character in a text")
            default:
                unescaped?.append(byte)
                offset += 1
            }
        }
        throw mistake("the end of a text")
    }

    private func escape() throws(Mistake) -> [UInt8] {
        guard offset < bytes.count else { throw mistake("the rest of an escape") }
        let byte = bytes[offset]
        offset += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
        case UInt8(ascii: "n"): return [0x0a]
        case UInt8(ascii: "t"): return [0x09]
        case UInt8(ascii: "r"): return [0x0d]
        case UInt8(ascii: "b"): return [0x08]
        case UInt8(ascii: "f"): return [0x0c]
        case UInt8(ascii: "u"):
            var unit = try hexUnit()
            if unit >= 0xd800, unit < 0xdc00, offset + 1 < bytes.count, bytes[offset] == UInt8(ascii: "\\"),
                bytes[offset + 1] == UInt8(ascii: "u")
            {
                offset += 2
                let low = try hexUnit()
                guard low >= 0xdc00, low < 0xe000 else { throw mistake("the second half of a surrogate pair") }
                unit = 0x10000 + (unit - 0xd800) << 10 + (low - 0xdc00)
            }
            guard let scalar = Unicode.Scalar(unit) else { throw mistake("a character") }
            return Array(String(scalar).utf8)
        default:
            offset -= 1
            throw mistake("an escape that JSON has")
        }
    }

    private func hexUnit() throws(Mistake) -> UInt32 {
        guard offset + 4 <= bytes.count,
            let unit = UInt32(String(decoding: bytes[offset..<offset + 4], as: UTF8.self), radix: 16)
        else { throw mistake("four hexadecimal digits") }
        offset += 4
        return unit
    }
}
