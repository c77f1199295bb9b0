/// All experiments.
package enum Catalogue {
    /// In the order of the themes, and of what leads to what within them.
    package static let all: [Experiment] = Theme.allCases.flatMap { theme in
        list(theme).map { experiment in
            var experiment = experiment
            experiment.theme = theme
            return experiment
        }
    }

    package static func experiment(_ id: String) -> Experiment? { all.first { $0.id == id } }

    private static func list(_ theme: Theme) -> [Experiment] {
        switch theme {
        case .ports: Ports.all
        case .backlog: BacklogQueues.all
        case .herds: Herds.all
        case .reusePort: ReusePortGroups.all
        case .processes: Processes.all
        case .closing: Closing.all
        case .limits: Limits.all
        case .framing: FramingCode.all
        case .streams: Streams.all
        }
    }

    /// The ids that a user means by what was typed: an id, the beginning of some, or `all`.
    package static func matching(_ text: String) -> [Experiment] {
        if text == "all" { return all }
        if let exact = experiment(text) { return [exact] }
        return all.filter { $0.id.hasPrefix(text) }
    }
}
