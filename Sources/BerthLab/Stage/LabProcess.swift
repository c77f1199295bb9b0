package import BerthSystem

/// A process of an experiment: this program once more, doing one of the experiment's parts.
package final class LabProcess {
    package let name: String
    package let pid: Int32
    private let input: Descriptor
    private let output: Descriptor
    private var unread: [UInt8] = []
    private var isEnded = false

    /// - Parameter arguments: the whole argument vector. The descriptors 3 and 4 are those of ``tell(_:)`` and
    ///   ``hear(within:)``; `sockets` are 5 and on.
    init(
        _ name: String, program: String, arguments: [String], inheriting sockets: [Int32] = []
    ) throws(Errno) {
        self.name = name
        let input = try Kernel.pipe()
        let output = try Kernel.pipe()
        pid = try Kernel.start(
            program, arguments: arguments, environment: Kernel.environment, pidVariable: "BERTH_LAB_PROCESS",
            inherited: [input.reading.rawValue, output.writing.rawValue] + sockets, deathSignal: .kill)
        self.input = try input.writing.duplicate()
        self.output = try output.reading.duplicate()
    }

    /// The next line that it says; `nil` when it says nothing in time, or has ended.
    package func hear(within time: Duration = .seconds(20)) throws -> String? {
        let deadline = Deadline.after(time)
        while true {
            if let end = unread.firstIndex(of: UInt8(ascii: "\n")) {
                defer { unread.removeSubrange(...end) }
                return String(decoding: unread[..<end], as: UTF8.self)
            }
            guard let more = try Lines.next(output.rawValue, until: deadline) else { return nil }
            unread += more
        }
    }

    /// Tells it to go on.
    package func tell(_ line: String = "go") throws { try Lines.write(line, to: input.rawValue) }

    /// Kills it, and waits until it is gone.
    package func end() {
        guard !isEnded else { return }
        isEnded = true
        // It may have ended by itself.
        try? Kernel.signal(pid, Signal.kill.rawValue)
        _ = try? Kernel.waitForEnd(of: pid)
    }

    /// Sends it a signal.
    package func signal(_ signal: Signal) throws {
        do { try Kernel.signal(pid, signal.rawValue) } catch {
            throw StepFailure(step: "kill(\(name), \(signal.name))", errno: error)
        }
    }

    /// The processes that it has started, and that have not ended.
    package func children() throws -> [Int32] {
        do throws(Errno) {
            var children: [Int32] = []
            for thread in try Kernel.names(inDirectory: "/proc/\(pid)/task") {
                let text = try Kernel.contents(of: "/proc/\(pid)/task/\(thread)/children")
                children += String(decoding: text, as: UTF8.self).split(separator: " ").compactMap { Int32($0) }
            }
            return children
        } catch {
            throw StepFailure(step: "looking for the children of \(name)", errno: error)
        }
    }

    /// Whether it sleeps in a system call, and runs nothing else.
    fileprivate var isAsleep: Bool {
        guard let text = try? Kernel.contents(of: "/proc/\(pid)/syscall", limit: 256) else { return false }
        return text.first.map { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") } ?? false
    }

    /// Waits until it has ended by itself, and says how.
    @discardableResult
    package func waitForEnd() throws -> ProcessEnd {
        guard !isEnded else { throw LabFailure("\(name) has ended before") }
        isEnded = true
        do { return try Kernel.waitForEnd(of: pid) } catch {
            throw StepFailure(step: "waiting for the end of \(name)", errno: error)
        }
    }
}

extension Stage {
    /// Starts a process that does the part `part` of the experiment, and waits until it does.
    ///
    /// - Parameter sockets: what it inherits: ``Part/sockets``, in this order.
    package func process(
        _ name: String, _ part: String, inheriting sockets: [LabSocket] = []
    ) throws -> LabProcess {
        let id = experiment.id
        let program = settings.program
        let process = try step(.server, "\(name) starts", atEnd: true) { () throws(Errno) in
            try LabProcess(
                name, program: program, arguments: ["berth", "lab", "part", id, part],
                inheriting: sockets.map(\.descriptor))
        }
        processes.append(process)
        guard try process.hear() == "begins" else { throw LabFailure("\(name) did not begin") }
        return process
    }

    /// Starts the command `berth`, silent, with these arguments, in the network of the experiment.
    package func berth(_ name: String, _ arguments: [String]) throws -> LabProcess {
        let program = settings.program
        let process = try step(.server, "berth \(arguments.joined(separator: " "))") { () throws(Errno) in
            // Through a shell for its redirections; it becomes the command, so that no process stands between. The link
            // to this program would be another one there.
            let path = program == "/proc/self/exe" ? try Kernel.linkTarget(program) : program
            let script = "exec \"$0\" \"$@\" >/dev/null 2>&1 3<&- 4>&-"
            return try LabProcess(name, program: "/bin/sh", arguments: ["sh", "-c", script, path] + arguments)
        }
        processes.append(process)
        return process
    }

    /// Waits until a process sleeps in a system call.
    package func waitUntilAsleep(_ process: LabProcess) throws {
        let deadline = Deadline.after(.seconds(20))
        while !process.isAsleep {
            if deadline.hasPassed { throw LabFailure("\(process.name) never came to wait") }
            try pause(.milliseconds(1))
        }
    }
}

/// What a process of an experiment has.
package final class Part {
    /// What it inherited, in the order in which it was given.
    package let sockets: [LabSocket]

    init(socketCount: Int) {
        sockets = (0..<socketCount).map { index in
            LabSocket(Descriptor(owning: Int32(5 + index)), name: "inherited \(index)", side: .server)
        }
        for socket in sockets { socket.learnAddresses() }
    }

    /// Tells the experiment something.
    package func say(_ line: String) throws { try Lines.write(line, to: 4) }

    /// Waits until the experiment says to go on; the end of the experiment ends the process.
    package func hear() throws -> String {
        var text: [UInt8] = []
        while text.last != UInt8(ascii: "\n") {
            // A byte at a time: what follows the line is for the next call.
            guard let more = try Lines.next(3, until: .never, atMost: 1) else {
                throw LabFailure("the experiment ended")
            }
            text += more
        }
        return String(decoding: text.dropLast(), as: UTF8.self)
    }

    /// Does a part; called by the command in the process that ``Stage/process(_:_:inheriting:)`` starts.
    package static func run(_ name: String, of id: String) throws {
        guard let body = Catalogue.experiment(id)?.parts[name] else {
            throw LabFailure("the experiment \(id) has no part \(name)")
        }
        let descriptors = try Kernel.names(inDirectory: "/proc/self/fd").compactMap { Int($0) }
        // The one that the list itself was read by is among them, and gone.
        let count = descriptors.filter { $0 >= 5 && (try? Kernel.status(Int32($0)).isSocket) == true }.count
        let part = Part(socketCount: count)
        try part.say("begins")
        try body(part)
    }
}

/// Lines between an experiment and its processes.
enum Lines {
    static func next(_ descriptor: Int32, until deadline: Deadline, atMost count: Int = 4096) throws -> [UInt8]? {
        if try Kernel.wait(for: .readable, on: descriptor, until: deadline).isEmpty { return nil }
        var buffer = [UInt8](repeating: 0, count: count)
        let received = try buffer.withUnsafeMutableBytes { try unsafe Kernel.read(descriptor, into: $0) }
        return received == 0 ? nil : Array(buffer.prefix(received))
    }

    static func write(_ line: String, to descriptor: Int32) throws {
        try Array("\(line)\n".utf8).withUnsafeBytes { try unsafe Kernel.writeAll(descriptor, $0) }
    }
}
