internal import BerthSockets
internal import BerthSystem

/// A new harbour that is to take over from this one.
final class Upgrade {
    let pid: Int32
    let process: Descriptor
    let link: Link
    /// When it is given up.
    let deadline: MonotonicTime
    var wasKilled = false

    private static let variable = "BERTH_UPGRADE"
    private static let doorVariable = "BERTH_UPGRADE_CONTROL"
    private static let filesVariable = "BERTH_UPGRADE_FILES"
    /// What workers are not to inherit: the descriptors are the harbour's.
    static let variables = [variable, doorVariable, filesVariable]

    /// Starts the program as it lies on disk now, with the berths and the control socket.
    init(_ program: WorkerProgram, berths: Berths, door: ControlDoor?, within time: Duration) throws(Errno) {
        let own = ["LISTEN_FDS", "LISTEN_FDNAMES"] + Self.variables + WorkerRole.Variable.all
        var environment = Kernel.environment.filter { text in !own.contains { text.hasPrefix("\($0)=") } }
        let pair = try Kernel.messagePair()
        let next = ListenEnvironment.firstDescriptor + Int32(berths.count)
        environment += [
            "LISTEN_FDS=\(berths.count)", "LISTEN_FDNAMES=\(berths.names.joined(separator: ":"))",
            "\(Self.variable)=\(next)",
        ]
        if berths.ownFiles { environment.append("\(Self.filesVariable)=1") }
        var inherited = berths.descriptors + [pair.writing.rawValue]
        if let door {
            environment.append("\(Self.doorVariable)=\(next + 1)")
            inherited.append(door.descriptor)
        }
        pid = try Kernel.start(
            program.path, arguments: program.arguments, environment: environment, pidVariable: "LISTEN_PID",
            inherited: inherited, ownGroup: false)
        link = Link(try Kernel.duplicate(pair.reading.rawValue))
        process = try Kernel.openProcess(pid)
        deadline = .now.advanced(by: time)
    }

    /// Whether the old harbour leaves the files of Unix sockets to this one.
    static var leavesFiles: Bool { Kernel.environmentVariable(filesVariable) == "1" }

    /// The harbour that has started this process to take over from it; `nil` for one that was started otherwise.
    static func predecessor() -> Link? {
        guard let number = Kernel.environmentVariable(variable).flatMap({ Int32($0) }),
            (try? ListenEnvironment.current()) ?? nil != nil, (try? Kernel.setCloseOnExec(number, true)) != nil
        else { return nil }
        return Link(Descriptor(owning: number))
    }

    /// The control socket that came with the berths; `nil` where there is none.
    static func door() -> ControlDoor? {
        guard let number = Kernel.environmentVariable(doorVariable).flatMap({ Int32($0) }) else { return nil }
        return try? ControlDoor(inherited: Descriptor(owning: number))
    }
}

// USR2: the harbour itself is replaced. The new one gets the berths, starts its workers, and says when they are ready; then
// the old one has its workers leave. Until then a failure of the new one changes nothing.
extension Harbour {
    func beginUpgrade() {
        if supervision.isStopping { return }
        if upgrade != nil { return configuration.observe(.note("an upgrade is under way")) }
        guard let program = configuration.upgradeProgram else {
            return configuration.observe(.note("this harbour cannot be upgraded"))
        }
        do throws(Errno) {
            let next = try Upgrade(
                program, berths: berths, door: door, within: configuration.settings.readyWithin * 2)
            upgrade = next
            configuration.observe(.note("upgrade: a new harbour (pid \(next.pid)) starts"))
        } catch {
            configuration.observe(.note("the upgrade failed, this harbour goes on: \(program.path): \(error)"))
        }
    }

    /// Hears what the new harbour says.
    func listenToSuccessor() {
        guard let upgrade else { return }
        while case .message(let message) = upgrade.link.receive() {
            guard message == .ready else { continue }
            configuration.observe(.note("upgrade: the new harbour (pid \(upgrade.pid)) has taken over"))
            notifier.tell(.mainProcess(upgrade.pid), .ready)
            for visitor in waiting { visitor.answer(ControlReply.failure("another harbour has taken over")) }
            waiting = []
            answerCurious()
            // Who is in and has not been answered asks the new one.
            door?.handOver()
            berths.keepFiles()
            self.upgrade = nil
            hasSuccessor = true
            return handle(.handOver)
        }
    }

    /// The new harbour's process has ended, or it takes too long, or is not wanted any more.
    func checkSuccessor() {
        guard let upgrade else { return }
        if supervision.isStopping {
            self.upgrade = nil
            try? Kernel.signal(upgrade.pid, Signal.terminate.rawValue)
            return configuration.observe(.note("the upgrade was given up: this harbour was told to end"))
        }
        if let end = (try? Kernel.endIfEnded(of: upgrade.pid)) ?? nil {
            self.upgrade = nil
            let limit = configuration.settings.readyWithin * 2
            let how = upgrade.wasKilled ? "was not ready within \(limit.short)" : "\(end) before it was ready"
            configuration.observe(.note("the upgrade failed, this harbour goes on: the new one \(how)"))
        } else if upgrade.deadline <= .now, !upgrade.wasKilled {
            upgrade.wasKilled = true
            try? Kernel.signal(upgrade.pid, Signal.kill.rawValue)
        }
    }

    /// What the old harbour has to say is nothing but its end.
    func listenToPredecessor() {
        guard let link = predecessor else { return }
        while true {
            switch link.receive() {
            case .message: continue
            case .nothing: return
            case .end:
                predecessor = nil
                if Upgrade.leavesFiles { berths.takeFiles() }
                // It has not handed one over, or is gone before it could leave it to this one.
                if let door {
                    door.open()
                } else {
                    do throws(SocketError) { try openDoor() } catch {
                        configuration.observe(.note("no control socket: \(error)"))
                    }
                    if let door { configuration.observe(.note("control \(door.path)")) }
                }
                return
            }
        }
    }

    /// Opens the control socket.
    ///
    /// - Throws: what is wrong with a path that was asked for. Of the usual one nobody has to know: that is a note.
    func openDoor() throws(SocketError) {
        switch configuration.control {
        case .none: break
        case .path(let path): door = try ControlDoor(path: path)
        case .automatic:
            if let problem = ControlPath.prepareDirectory() {
                return configuration.observe(.note("no control socket: \(problem)"))
            }
            ControlPath.sweep()
            do throws(SocketError) { door = try ControlDoor(path: ControlPath.path(for: berths.address)) } catch {
                configuration.observe(.note("no control socket: \(error)"))
            }
        }
    }
}
