import Berth

/// Who is there, and what they have not been told yet.
actor Room {
    private var names: [ConnectionID: String] = [:]
    private var news: [ConnectionID: [String]] = [:]

    func enter(_ id: ConnectionID, as name: String) {
        news[id] = names.isEmpty ? [] : ["Here: \(names.values.sorted().joined(separator: ", "))\n"]
        names[id] = name
        post("\(name) came\n", from: id)
    }

    func post(_ text: String, from sender: ConnectionID) {
        for id in names.keys where id != sender { news[id]?.append(text) }
    }

    func takeNews(for id: ConnectionID) -> [String] {
        defer { news[id] = [] }
        return news[id] ?? []
    }

    func leave(_ id: ConnectionID, because outcome: Outcome) {
        guard let name = names.removeValue(forKey: id) else { return }
        news[id] = nil
        post("\(name) left: \(outcome)\n", from: id)
    }
}
