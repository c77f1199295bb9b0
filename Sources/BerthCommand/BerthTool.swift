internal import ArgumentParser
internal import BerthServer

/// The command `berth`.
@main
struct BerthTool: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "berth",
        abstract: "Serve over TCP, talk to services, move files, explain what the kernel did.",
        discussion: """
            Start a service:       berth serve
            Talk to it:            berth connect 127.0.0.1:12345
            Send files:            berth receive :9000      and      berth send FILE… 127.0.0.1:9000

            Who has a port:        berth why 8080
            What is wrong:         berth check 8080
            What TCP really does:  berth lab

            Data goes to standard output, everything else to standard error.
            Exit codes: 0 fine, 1 a failure or something found, 2 a wrong argument, 3 could not look.
            """,
        version: "0.1.0",
        subcommands: [
            ServeCommand.self, ConnectCommand.self, SendCommand.self, ReceiveCommand.self, BenchCommand.self,
        ],
        groupedSubcommands: [
            CommandGroup(
                name: "Explanation",
                subcommands: [
                    WhyCommand.self, CheckCommand.self, WatchCommand.self, FreeCommand.self, ExplainCommand.self,
                    LabCommand.self,
                ]),
            CommandGroup(
                name: "Harbour",
                subcommands: [
                    RunCommand.self, StatusCommand.self, ReloadCommand.self, RolloutCommand.self, ScaleCommand.self,
                    DrainCommand.self,
                    StopCommand.self, PauseCommand.self, ResumeCommand.self, LimitCommand.self,
                ]),
        ])

    /// The parser's own exit codes are replaced by those of the design.
    static func main() async {
        StandardDescriptors.fill()
        do {
            var command = try parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch let failure as CommandFailure {
            Talk.error(failure.message)
            exit(withCode: failure.code)
        } catch {
            let code = exitCode(for: error)
            let text = fullMessage(for: error)
            switch code {
            case .success: Talk.data(text)
            case .validationFailure: Talk.say(text)
            default: Talk.error(text.hasPrefix("Error: ") ? String(text.dropFirst(7)) : text)
            }
            exit(withCode: code == .success ? .success : code == .validationFailure ? .usage : .failure)
        }
    }

    /// The exit codes of every subcommand.
    enum Code: Int32 {
        case success = 0
        case failure = 1
        case usage = 2
        /// What was asked about could not be looked at.
        case blind = 3
    }

    static func exit(withCode code: Code) -> Never { terminate(code.rawValue) }
}

/// A failure that ends the command with one sentence, and exit code 1 unless it says another.
struct CommandFailure: Error, CustomStringConvertible {
    let message: String
    var code = BerthTool.Code.failure
    var description: String { message }
}
