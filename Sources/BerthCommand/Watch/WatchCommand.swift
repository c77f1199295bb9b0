internal import ArgumentParser
internal import BerthInspect
internal import BerthSystem

/// `berth watch`.
struct WatchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch",
        abstract: "A live table of listeners: queues, drops, connections by state, rates.",
        discussion: """
            On a terminal it fills the window and takes keys (? lists them). Elsewhere the table is printed at every \
            interval, uncut.

            EXAMPLES
              berth watch
              berth watch --once
              berth watch --json | jq .listeners
            """)

    @Option(help: ArgumentHelp("The time between two looks.", valueName: "time"))
    var interval = "1s"

    @Flag(help: "Print the table once, over one interval.")
    var once = false

    @Flag(help: "Write one line of JSON at every interval.")
    var json = false

    @OptionGroup(title: "Network")
    var network: NetworkOptions

    func validate() throws {
        guard let time = TimeText.parse(interval), (.milliseconds(100)...(.seconds(3600))).contains(time) else {
            throw ValidationError("--interval \(interval): give a time between 100ms and 3600s.")
        }
    }

    func run() throws {
        let interval = TimeText.parse(interval) ?? .seconds(1)
        let trap: SignalTrap
        // 28 is SIGWINCH: the window has another size.
        do throws(Errno) { trap = try SignalTrap([.interrupt, .terminate, Signal(rawValue: 28)]) } catch {
            throw CommandFailure(message: "cannot watch: \(error)")
        }
        if once || json || !Terminal.output.isTerminal || !Kernel.isTerminal(0) {
            try writeViews(every: interval, trap)
        } else {
            try show(every: interval, trap)
        }
    }

    private func look() throws -> Snapshot { try network.look { () throws(Errno) in try Snapshot.read() } }

    /// Whether a signal to end came before the deadline.
    private func isEnded(_ trap: borrowing SignalTrap, by deadline: Deadline) throws -> Bool {
        while !deadline.hasPassed {
            do throws(Errno) {
                if try Kernel.wait(for: .readable, on: trap.descriptor, until: deadline).isEmpty { return false }
            } catch {
                throw CommandFailure(message: "cannot wait: \(error)")
            }
            while let signal = trap.next() { if signal == .interrupt || signal == .terminate { return true } }
        }
        return false
    }

    private func writeViews(every interval: Duration, _ trap: borrowing SignalTrap) throws {
        var before = try look()
        while true {
            if try isEnded(trap, by: .after(interval)) { return }
            let now = try look()
            let model = WatchModel(before: before, now: now)
            Talk.data(json ? model.json : WatchScreen(model: model).lines.joined(separator: "\n"))
            if once { return }
            if !json { Talk.data("") }
            before = now
        }
    }

    private func show(every interval: Duration, _ trap: borrowing SignalTrap) throws {
        var before = try look()
        var model = WatchModel(before: before, now: before)
        let screen: WatchTerminal
        do throws(Errno) { screen = try WatchTerminal() } catch {
            throw CommandFailure(message: "the terminal cannot be used: \(error)")
        }
        var view = WatchView()
        var next = Deadline.after(interval)
        while !view.wantsToQuit {
            screen.draw(WatchScreen(model: model, view: view, size: screen.size).lines)
            let keys: [Character]
            do throws(Errno) { keys = try screen.keys(orSignalOn: trap.descriptor, until: next) } catch {
                throw CommandFailure(message: "the terminal cannot be read: \(error)")
            }
            for key in keys { view.press(key, rows: view.rows(of: model).count) }
            while let signal = trap.next() { if signal == .interrupt || signal == .terminate { return } }
            guard next.hasPassed else { continue }
            next = .after(interval)
            if view.isPaused { continue }
            let now = try look()
            model = WatchModel(before: before, now: now)
            before = now
        }
    }
}
