/// How the table is looked at, and what a key does to that: a pure value.
struct WatchView: Sendable, Equatable {
    enum Sort: String, Sendable, CaseIterable {
        case address, queue, drops, new, established
        case closeWait = "close-wait"
    }

    enum Page: Sendable, Equatable { case table, help, detail }

    var sort = Sort.address
    var filter = ""
    /// Whether what is typed belongs to the filter.
    var isTyping = false
    var isPaused = false
    var page = Page.table
    /// Which row is marked, counted among those shown.
    var selected = 0
    var wantsToQuit = false

    /// What a key means; escape sequences of arrows arrive as ↑ and ↓.
    mutating func press(_ key: Character, rows: Int) {
        if isTyping { return type(key) }
        switch key {
        case "q", "\u{4}": page == .table ? (wantsToQuit = true) : (page = .table)
        case "\u{1b}": page = .table
        case "?", "h": page = page == .help ? .table : .help
        case "p", " ": isPaused.toggle()
        case "/": isTyping = true
        case "s":
            let all = Sort.allCases
            sort = all[((all.firstIndex(of: sort) ?? 0) + 1) % all.count]
        case "j", "↓": selected = min(selected + 1, max(0, rows - 1))
        case "k", "↑": selected = max(0, selected - 1)
        case "\n", "\r": page = page == .detail ? .table : rows > 0 ? .detail : .table
        default: break
        }
    }

    private mutating func type(_ key: Character) {
        switch key {
        case "\n", "\r": isTyping = false
        case "\u{1b}":
            isTyping = false
            filter = ""
        case "\u{7f}", "\u{8}": if !filter.isEmpty { filter.removeLast() }
        default: if let byte = key.asciiValue, byte >= 0x20, filter.count < 40 { filter.append(key) }
        }
        selected = 0
    }

    /// The rows that are shown, in their order.
    func rows(of model: WatchModel) -> [WatchModel.Row] {
        let wanted = model.rows.filter {
            filter.isEmpty || $0.address.contains(filter) || $0.owner.lowercased().contains(filter.lowercased())
        }
        func greatest(_ value: @escaping (WatchModel.Row) -> Double) -> [WatchModel.Row] {
            wanted.sorted { (value($1), $0.port, $0.address) < (value($0), $1.port, $1.address) }
        }
        return switch sort {
        case .address: wanted.sorted { ($0.port, $0.address) < ($1.port, $1.address) }
        case .queue: greatest { Double($0.waiting) }
        case .drops: greatest { Double($0.drops) }
        case .new: greatest { $0.newPerSecond }
        case .established: greatest { Double($0.established) }
        case .closeWait: greatest { Double($0.closeWait) }
        }
    }
}
