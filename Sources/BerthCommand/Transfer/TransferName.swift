/// The name of a file on its way: a plain name that any directory can take, checked by both sides.
///
/// Never a path: the receiver puts it behind nothing but its own directory's descriptor.
struct TransferName: Sendable, Hashable, CustomStringConvertible {
    let text: String

    /// What an unfinished transfer's file is called behind its name.
    static let partSuffix = ".part"
    /// The longest name in bytes: 255 of the file system (`man 3 readdir`, NAME_MAX) less ``partSuffix``.
    static let maximumLength = 250

    init(_ text: String) throws(TransferError) {
        if let problem = Self.problem(text) { throw TransferError(problem) }
        self.text = text
    }

    /// The name of the file while it is not complete.
    var part: String { text + Self.partSuffix }

    var description: String { text }

    private static func problem(_ text: String) -> String? {
        if text.isEmpty { return "the name is empty" }
        if text.utf8.count > maximumLength {
            return "the name has \(text.utf8.count) bytes, above the limit of \(maximumLength)"
        }
        // Before anything quotes the name.
        if text.unicodeScalars.contains(where: isForbidden) { return "the name holds control characters" }
        if text.utf8.contains(UInt8(ascii: "/")) { return "the name \"\(text)\" is a path: it holds a slash" }
        if text.hasPrefix(".") { return "the name \"\(text)\" begins with a dot" }
        if text.hasSuffix(partSuffix) { return "the name \"\(text)\" ends in .part, as unfinished transfers do" }
        return nil
    }

    /// Characters that could disturb a terminal or disguise a name: C0, DEL, C1, and those that turn the direction of
    /// writing.
    static func isForbidden(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x00...0x1F, 0x7F...0x9F, 0x200E...0x200F, 0x2028...0x202E, 0x2066...0x2069: true
        default: false
        }
    }
}
