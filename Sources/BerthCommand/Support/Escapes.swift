internal import ArgumentParser

/// Bytes written as text with escapes, as in an option's value.
enum Escapes {
    /// The bytes of `text`, where `\n`, `\r`, `\t`, `\0`, `\\` and `\xHH` stand for single bytes.
    static func bytes(of text: String) throws -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\") else {
                bytes.append(byte)
                continue
            }
            switch rest.popFirst() {
            case UInt8(ascii: "n"): bytes.append(0x0A)
            case UInt8(ascii: "r"): bytes.append(0x0D)
            case UInt8(ascii: "t"): bytes.append(0x09)
            case UInt8(ascii: "0"): bytes.append(0x00)
            case UInt8(ascii: "\\"): bytes.append(UInt8(ascii: "\\"))
            case UInt8(ascii: "x"):
                let digits = String(decoding: rest.prefix(2), as: UTF8.self)
                guard digits.utf8.count == 2, let value = UInt8(digits, radix: 16) else {
                    throw ValidationError(#"\x needs two hexadecimal digits, as in \x1f: "\#(text)"."#)
                }
                rest = rest.dropFirst(2)
                bytes.append(value)
            default: throw ValidationError(#"unknown escape in "\#(text)": use \n, \r, \t, \0, \\ or \xHH."#)
            }
        }
        if bytes.isEmpty { throw ValidationError("the text is empty.") }
        return bytes
    }
}

extension Escapes {
    /// Bytes as printable text, with escapes for all that is not, and for quotes and the backslash.
    static func text(of bytes: [UInt8]) -> String {
        var text = ""
        for byte in bytes {
            switch byte {
            case 0x0A: text += #"\n"#
            case 0x0D: text += #"\r"#
            case 0x09: text += #"\t"#
            case UInt8(ascii: "\\"), UInt8(ascii: "\""): text += "\\" + String(Unicode.Scalar(byte))
            case 0x20..<0x7F: text.unicodeScalars.append(Unicode.Scalar(byte))
            default: text += (byte < 16 ? #"\x0"# : #"\x"#) + String(byte, radix: 16)
            }
        }
        return text
    }
}
