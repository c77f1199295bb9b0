internal import ArgumentParser
internal import BerthHarbour

// The verbs that talk to a harbour over its control socket.

/// `berth status`.
struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Show a harbour: its workers, its berths, what they count.")

    @OptionGroup var harbour: HarbourChoice

    @Flag(help: "As one line of JSON, with a version.")
    var json = false

    func run() throws {
        let status = try harbour.ask(.status)
        Talk.data(json ? "\(status)" : StatusTable.lines(status).joined(separator: "\n"))
    }
}

/// `berth reload`.
struct ReloadCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reload",
        abstract: "Replace all workers, one after the other, by the program as it lies on disk now.",
        discussion: "Ends when all are replaced. When a new worker fails, the old ones go on, and this fails.")

    @OptionGroup var harbour: HarbourChoice

    func run() throws { _ = try harbour.ask(.reload) }
}

/// `berth scale`.
struct ScaleCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scale", abstract: "Have more workers, or fewer; those that leave finish what they have.")

    @OptionGroup var harbour: HarbourChoice

    @Option(help: ArgumentHelp("How many there are to be.", valueName: "count"))
    var workers: Int

    func validate() throws {
        if !(1...1024).contains(workers) { throw ValidationError("--workers is between 1 and 1024.") }
    }

    func run() throws { _ = try harbour.ask(.scale(workers)) }
}

/// `berth drain`.
struct DrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drain",
        abstract: "Take nothing new, let connections go on for a while, and end; or do so with one worker.",
        discussion: "One worker is replaced by another one. Without --worker, ends when the service has ended.")

    @OptionGroup var harbour: HarbourChoice

    @Option(help: ArgumentHelp("The number of a worker, as `berth status` shows it.", valueName: "number"))
    var worker: Int?

    func run() throws {
        if let worker {
            _ = try harbour.ask(.drain(worker: worker))
        } else {
            try harbour.askAndWaitForEnd(.drain(worker: nil))
        }
    }
}

/// `berth stop`.
struct StopCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stop", abstract: "Tell all connections, and end.",
        discussion: "As SIGTERM does: messages that have begun may end. Ends when the service has ended.")

    @OptionGroup var harbour: HarbourChoice

    @Flag(help: "In a hurry, as SIGQUIT: connections have 100 ms to end, their peers half a second.")
    var now = false

    func run() throws { try harbour.askAndWaitForEnd(.stop(now: now)) }
}

/// `berth pause`.
struct PauseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause", abstract: "Accept nothing: who connects waits in the berths. `resume` ends it.")

    @OptionGroup var harbour: HarbourChoice

    func run() throws { _ = try harbour.ask(.pause) }
}

/// `berth resume`.
struct ResumeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "resume", abstract: "Accept again after `pause`.")

    @OptionGroup var harbour: HarbourChoice

    func run() throws { _ = try harbour.ask(.resume) }
}
