/// A text from outside (a command line, a file name) in a form that can neither disturb a terminal nor break a line:
/// control characters, and characters that change the direction of writing, as `\u{…}`, a line break as `\n`.
public struct Printable: Sendable, Hashable, CustomStringConvertible {
    public let description: String

    public init(_ text: some StringProtocol) {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar.properties.generalCategory {
            case _ where scalar == "\n": result += "\\n"
            case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned:
                result += "\\u{\(String(scalar.value, radix: 16))}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        description = result
    }

    /// A command line as a shell would take it: arguments with anything but plain characters in single quotes.
    ///
    /// - Parameter limit: how many characters are shown; of a longer one only the beginning, with `…` behind it.
    public init(commandLine arguments: [String], limit: Int = .max) {
        let words = arguments.map { argument in
            let isPlain = argument.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: "-_./:=,@%+".utf8.contains(byte)
                }
            }
            if isPlain, !argument.isEmpty { return argument }
            return "'" + argument.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''")
                + "'"
        }
        let text = words.joined(separator: " ")
        self.init(text.count > limit ? text.prefix(limit) + "…" : text[...])
    }
}
