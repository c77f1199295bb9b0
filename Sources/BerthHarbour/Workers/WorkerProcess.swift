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
    /// Where it says that it is ready, by sd_notify.
    let notifications: NotifySocket?
    /// When it counts as ready because it is still there.
    var readyAt: MonotonicTime?
    var linkHasEnded = false

    /// Starts a worker.
    ///
    /// - Parameter place: where it counts, if it is one that knows of that.
    init(
        _ id: Int, _ program: WorkerProgram, server: String, generation: String, berths: [Int32],
        names: [String], place: (board: Board, number: Int)? = nil
    ) throws(Errno) {
        self.id = id
        self.place = program.hasLink ? place?.number : nil
        let inheritedNames = [
            "LISTEN_FDS", "LISTEN_FDNAMES", "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID",
        ]
        var environment = Kernel.environment.filter { text in
            !(inheritedNames + WorkerRole.Variable.all).contains { text.hasPrefix("\($0)=") }
        }
        environment += ["LISTEN_FDS=\(berths.count)", "LISTEN_FDNAMES=\(names.joined(separator: ":"))"]
        environment += ["\(WorkerRole.Variable.worker)=\(id)", "\(WorkerRole.Variable.generation)=\(generation)"]
        var descriptors = berths
        switch program.readiness {
        case .link:
            let pair = try Kernel.messagePair()
            descriptors.append(pair.writing.rawValue)
            environment += [
                "\(WorkerRole.Variable.server)=\(server)",
                "\(WorkerRole.Variable.link)=\(ListenEnvironment.firstDescriptor + Int32(berths.count))",
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
            notifications = nil
        case .notify:
            let socket = try NotifySocket()
            environment.append("NOTIFY_SOCKET=\(socket.name)")
            pid = try Self.start(program, environment, descriptors)
            link = nil
            notifications = socket
        case .alive(let time):
            pid = try Self.start(program, environment, descriptors)
            link = nil
            notifications = nil
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

/// A datagram socket of a name of its own, for one worker's `sd_notify`.
final class NotifySocket {
    let socket: Descriptor
    let name: String

    init() throws(Errno) {
        socket = try Kernel.openUnixDatagramSocket()
        let name = "berth-\(Kernel.processID)-\(UInt64.random(in: 0 ... .max))"
        self.name = "@\(name)"
        guard let raw = try? SocketAddress.abstract(name: Array(name.utf8)).raw else { throw .invalidArgument }
        try Kernel.bind(socket.rawValue, to: raw)
    }

    /// Whether `READY=1` has come.
    func isReady() -> Bool {
        var memory = [UInt8](repeating: 0, count: 4096)
        var isReady = false
        while true {
            let count = memory.withUnsafeMutableBytes { (try? unsafe Kernel.receive(socket.rawValue, into: $0)) ?? 0 }
            if count == 0 { return isReady }
            let lines = String(decoding: memory[..<count], as: UTF8.self).split(separator: "\n")
            if lines.contains("READY=1") { isReady = true }
        }
    }
}
