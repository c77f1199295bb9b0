/// A long page on a finding or a concept: the same text as in `docs/explain`.
package struct ExplainPage: Sendable, Hashable {
    /// `B003`, `time-wait`.
    package var key: String
    package var title: String
    /// Other words for it.
    package var aliases: [String]
    package var text: String

    /// All pages, findings first.
    package static let all = findingPages1 + findingPages2 + conceptPages

    /// The page for a code or a word, however it is written: `b3`, `TIME_WAIT`, `time wait`.
    package static func find(_ word: String) -> ExplainPage? {
        let wanted = plain(word)
        return all.first { plain($0.key) == wanted } ?? all.first { $0.aliases.contains { plain($0) == wanted } }
    }

    /// Pages whose key, title or aliases contain the word: for one that has no page.
    package static func near(_ word: String) -> [ExplainPage] {
        let wanted = plain(word)
        guard wanted.count >= 2 else { return [] }
        return all.filter { page in ([page.key, page.title] + page.aliases).contains { plain($0).contains(wanted) } }
    }

    /// Lower case, without what separates words; `b3` is `b003`.
    private static func plain(_ word: String) -> String {
        let letters = word.lowercased().filter { $0.isLetter || $0.isNumber }
        guard letters.hasPrefix("b"), let number = Int(letters.dropFirst()), number < 1000 else { return letters }
        return "b" + String(repeating: "0", count: 3 - "\(number)".count) + "\(number)"
    }
}
