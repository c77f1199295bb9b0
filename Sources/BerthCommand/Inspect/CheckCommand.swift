internal import ArgumentParser
internal import BerthInspect
internal import BerthSystem

/// `berth check`.
struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Look for what is wrong with servers and connections, written in any language.",
        discussion: """
            Takes two looks at the kernel's sockets, counters and limits, and at the processes that hold the sockets, and \
            lets every rule decide. Counters count the events of the whole network namespace.

            Exit codes: 0 no fault (notes may be told), 1 a warning or an error, 2 a wrong argument, 3 could not look.

            EXAMPLES
              berth check
              berth check 8080 --for 10s
              berth check pid:4112 --json
              berth check --save before.json      and later      berth check --from before.json
            """)

    @Argument(help: "8080 or :8080, pid:4112. Default: everything in this network.")
    var target: String?

    @Option(
        name: .customLong("for"),
        help: ArgumentHelp("The time between the two looks: 10s, 500ms, 0s for one look.", valueName: "time"))
    var window = "1s"

    @Option(help: ArgumentHelp("Write what was seen to this file.", valueName: "file"))
    var save: String?

    @Option(help: ArgumentHelp("Decide by a file of --save instead of looking.", valueName: "file"))
    var from: String?

    @Flag(help: "Write one line of JSON.")
    var json = false

    @OptionGroup(title: "Network")
    var network: NetworkOptions

    func validate() throws {
        _ = try focus()
        guard let time = TimeText.parse(window), time <= .seconds(3600) else {
            throw ValidationError("--for \(window): give a time up to 3600s, as in 10s or 500ms.")
        }
        if from != nil, network.scope != .own {
            throw ValidationError("--from looks at nothing: it takes no --pid or --netns.")
        }
        if from != nil, save != nil { throw ValidationError("give --save or --from, not both.") }
    }

    private func focus() throws -> CheckFocus {
        guard let target else { return .everything }
        switch try InspectTarget(target) {
        case .port(let port): return .port(port)
        case .process(let pid): return .process(pid)
        case .address, .unix: throw ValidationError("check takes a port or pid:PID, not \(target).")
        }
    }

    func run() throws {
        let input = try input()
        if case .process(let pid) = try focus(), input.now.processes[pid] == nil {
            throw CommandFailure(
                message: "process \(pid) has no TCP or UDP socket that can be seen"
                    + (input.now.unreadableProcesses > 0 ? " (root sees more)" : ""), code: .blind)
        }
        let report = CheckReport(input)
        Talk.data(json ? report.json(input) : report.text(input))
        if report.hasFaults { throw ExitCode(BerthTool.Code.failure.rawValue) }
    }

    private func input() throws -> CheckInput {
        let focus = try focus()
        if let from {
            let snapshots = try SnapshotStore.load(from)
            return CheckInput(before: snapshots[0], now: snapshots[snapshots.count - 1], focus: focus)
        }
        let window = TimeText.parse(window) ?? .seconds(1)
        let (before, now) = try network.look { () throws(Errno) in
            guard window > .zero else {
                let now = try Snapshot.read()
                return (now, now)
            }
            // Who holds what is read once, at the end.
            let before = try Snapshot.read(.sockets)
            let end = Deadline.after(window)
            let silence = try Kernel.pipe()
            _ = try Kernel.wait(for: .readable, on: silence.reading.rawValue, until: end)
            return (before, try Snapshot.read())
        }
        if let save { try SnapshotStore.save(window > .zero ? [before, now] : [now], to: save) }
        return CheckInput(before: before, now: now, focus: focus)
    }
}

/// Times as they are typed: `10s`, `500ms`, `2m`, `1.5s`.
enum TimeText {
    static func parse(_ text: String) -> Duration? {
        let digits = text.prefix { $0.isNumber || $0 == "." }
        guard let value = Double(digits), value >= 0, value < 1e6 else { return nil }
        switch text.dropFirst(digits.count) {
        case "ms": return .milliseconds(Int(value))
        case "s", "": return .nanoseconds(Int64(value * 1e9))
        case "m", "min": return .nanoseconds(Int64(value * 60e9))
        default: return nil
        }
    }
}

/// Snapshots on disk.
enum SnapshotStore {
    static func save(_ snapshots: [Snapshot], to path: String) throws {
        let bytes = SnapshotFile.encoded(snapshots)
        do throws(Errno) {
            let file = try Kernel.open(path, [.write, .create, .truncate], mode: 0o600)
            let result = bytes.withUnsafeBytes { memory in
                Result { () throws(Errno) in try unsafe Kernel.writeAll(file.rawValue, memory) }
            }
            try result.get()
        } catch {
            throw CommandFailure(message: "cannot write \(Printable(path)): \(error)")
        }
    }

    static func load(_ path: String) throws -> [Snapshot] {
        let bytes: [UInt8]
        // A hundred thousand sockets are 20 MB.
        do throws(Errno) { bytes = try Kernel.contents(of: path, limit: 1 << 30) } catch {
            throw CommandFailure(message: "cannot read \(Printable(path)): \(error)", code: .blind)
        }
        do throws(SnapshotFile.Mistake) { return try SnapshotFile.decoded(bytes) } catch {
            throw CommandFailure(message: "\(Printable(path)) cannot be used: \(error)", code: .blind)
        }
    }
}
