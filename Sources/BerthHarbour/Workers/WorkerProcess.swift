internal import BerthSockets
internal import BerthSystem

/// A worker's process as its harbour sees it.
final class WorkerProcess {
    let id: Int
    let pid: Int32
    /// Its place on the harbour's board.
    let place: Int?
    /// Readable when it has ended.
    let process: Descriptor
    /// `nil` for a program that knows nothing of us.
    let link: Link?
    /// What it says by other means than a link.
    let voice: (any ProgramVoice)?
    /// When it counts as ready because it is still there.
    var readyAt: MonotonicTime?
    var linkHasEnded = false

    /// Starts a worker.
    ///
    /// - Parameter place: where it counts, if it is one that knows of that.
    init(
        _ id: Int, _ program: WorkerProgram, server: String, generation: String, watchdog: Duration?, berths: [Int32],
        names: [String], place: (board: Board, number: Int)? = nil
    ) throws(Errno) {
        self.id = id
        self.place = program.hasLink ? place?.number : nil
        let inheritedNames = [
            "LISTEN_FDS", "LISTEN_FDNAMES", "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", ReadyPipe.variable,
        ]
        var environment = Kernel.environment.filter { text in
            !(inheritedNames + Upgrade.variables + WorkerRole.Variable.all).contains { text.hasPrefix("\($0)=") }
        }
        environment += ["LISTEN_FDS=\(berths.count)", "LISTEN_FDNAMES=\(names.joined(separator: ":"))"]
        environment += ["\(WorkerRole.Variable.worker)=\(id)", "\(WorkerRole.Variable.generation)=\(generation)"]
        var descriptors = berths
        let next = ListenEnvironment.firstDescriptor + Int32(berths.count)
        switch program.readiness {
        case .link:
            let pair = try Kernel.messagePair()
            descriptors.append(pair.writing.rawValue)
            environment += [
                "\(WorkerRole.Variable.server)=\(server)",
                "\(WorkerRole.Variable.link)=\(next)",
            ]
            if let place {
                environment += [
                    "\(WorkerRole.Variable.board)=\(ListenEnvironment.firstDescriptor + Int32(descriptors.count))",
                    "\(WorkerRole.Variable.place)=\(place.number)",
                ]
                descriptors.append(place.board.descriptor)
            }
            pid = try Self.start(program, environment, descriptors)
            link = Link(try Kernel.duplicate(pair.reading.rawValue))
            voice = nil
        case .notify:
            let socket = try NotifySocket()
            environment.append("NOTIFY_SOCKET=\(socket.name)")
            if let watchdog { environment.append("WATCHDOG_USEC=\(watchdog.wholeNanoseconds / 1000)") }
            pid = try Self.start(program, environment, descriptors)
            link = nil
            voice = socket
        case .line:
            let pipe = try Kernel.pipe(nonBlocking: true)
            descriptors.append(pipe.writing.rawValue)
            environment.append("\(ReadyPipe.variable)=\(next)")
            pid = try Self.start(program, environment, descriptors)
            link = nil
            voice = ReadyPipe(try Kernel.duplicate(pipe.reading.rawValue))
        case .alive(let time):
            pid = try Self.start(program, environment, descriptors)
            link = nil
            voice = nil
            readyAt = .now.advanced(by: time)
        }
        process = try Kernel.openProcess(pid)
    }

    private static func start(
        _ program: WorkerProgram, _ environment: [String], _ descriptors: [Int32]
    ) throws(Errno) -> Int32 {
        try Kernel.start(
            program.path, arguments: program.arguments, environment: environment, pidVariable: "LISTEN_PID",
            // Whoever has no link does not notice that the harbour is gone.
            inherited: descriptors, deathSignal: program.hasLink ? nil : .terminate)
    }

    /// Sends a signal to it. Its number is its own until it was waited for.
    func signal(_ signal: Signal) { try? Kernel.signal(pid, signal.rawValue) }
}
