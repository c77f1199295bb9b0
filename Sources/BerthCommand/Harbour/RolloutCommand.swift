internal import ArgumentParser
internal import BerthHarbour
internal import BerthSystem

/// `berth rollout`.
struct RolloutCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rollout",
        abstract: "Bring in another version of the program, for all workers or for a share of them.",
        discussion: """
            Ends when the workers are replaced. When a new worker fails, the old version goes on, and this fails.
            A share is one of workers. Under reuse-port, where each worker has a berth, also one of the connections.

            EXAMPLES
              berth rollout :8080 --to ./server-v2 --name v2 --share 10
              berth rollout :8080 --to python3 -- app-v2.py
              berth rollout :8080 --share 50
              berth rollout :8080 --finish
              berth rollout :8080 --back
            """)

    @OptionGroup var harbour: HarbourChoice

    @Option(
        help: ArgumentHelp(
            "The program of the new version; it gets the arguments of the present one.", valueName: "path"))
    var to: String?

    @Option(help: ArgumentHelp("What the new version is called. Default: v2, v3, ….", valueName: "name"))
    var name: String?

    @Option(help: ArgumentHelp("How many of 100 workers have it; the others keep the old one.", valueName: "percent"))
    var share: Int?

    @Argument(parsing: .postTerminator, help: "Arguments of the new version, in place of the present ones.")
    var arguments: [String] = []

    @Flag(help: "All workers get the new version.")
    var finish = false

    @Flag(help: "All workers get the old version back, at once.")
    var back = false

    func validate() throws {
        if let share, !(1...100).contains(share) { throw ValidationError("--share is between 1 and 100.") }
        let verbs = [to != nil || share != nil, finish, back].count { $0 }
        if verbs != 1 { throw ValidationError("give one of --to, --share, --finish and --back.") }
        if !arguments.isEmpty, to == nil { throw ValidationError("arguments go with --to.") }
        if name != nil, to == nil { throw ValidationError("--name goes with --to.") }
        if let name, name.isEmpty || name.contains(where: { $0.isWhitespace || $0 == "=" }) {
            throw ValidationError("--name is one word.")
        }
    }

    func run() throws {
        if finish {
            _ = try harbour.ask(.finish)
        } else if back {
            _ = try harbour.ask(.back)
        } else if let to {
            // The harbour may be in another directory.
            let path = to.contains("/") && !to.hasPrefix("/") ? "\(try workingDirectory())/\(to)" : to
            _ = try harbour.ask(.rollout(program: [path] + arguments, name: name, share: share))
        } else if let share {
            _ = try harbour.ask(.share(share))
        }
    }

    private func workingDirectory() throws -> String {
        do { return try Kernel.linkTarget("/proc/self/cwd") } catch {
            throw CommandFailure(message: "the working directory is not known: \(error)")
        }
    }
}
