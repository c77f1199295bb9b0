extension StringProtocol {
    /// How many columns of a terminal it takes: two for a character of East Asian scripts and for an emoji (UAX #11, wide and
    /// full width), none for marks that join the character before them.
    var terminalWidth: Int { reduce(0) { $0 + $1.terminalWidth } }

    /// As much of its beginning as fits into so many columns.
    func prefix(terminalWidth most: Int) -> SubSequence {
        var width = 0
        let end = firstIndex { character in
            width += character.terminalWidth
            return width > most
        }
        return self[..<(end ?? endIndex)]
    }
}

extension Character {
    fileprivate var terminalWidth: Int {
        guard let first = unicodeScalars.first else { return 0 }
        if first.properties.isEmojiPresentation { return 2 }
        return Self.wide.contains { $0.contains(first.value) } ? 2 : 1
    }

    /// Hangul Jamo; CJK with its punctuation, kana and compatibility forms; Yi; Hangul; full width forms; the planes 2 and 3.
    private static let wide: [ClosedRange<UInt32>] = [
        0x1100...0x115F, 0x2E80...0x303E, 0x3041...0x4DBF, 0x4E00...0xA4CF, 0xA960...0xA97C, 0xAC00...0xD7A3,
        0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF01...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1F64F, 0x1F900...0x1F9FF,
        0x20000...0x3FFFD,
    ]
}
