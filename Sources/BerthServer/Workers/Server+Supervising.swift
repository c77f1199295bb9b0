internal import BerthHarbour
internal import BerthSockets
internal import BerthSystem

// What the first process of a model with workers does.
extension Server {
    /// Opens the berths, starts the workers, and sees to them until the service ends.
    func superviseWorkers(until request: StopRequest) throws -> StopReport {
        guard case (let layout, let workers)? = plan else {
            throw ServerError(serving: SocketError(.serve, address: endpoint.description, errno: .invalidArgument))
        }
        let berths = try listen(reuse: configuration.reuse) { () throws(SocketError) in
            if let environment = try ListenEnvironment.current(), HandedOver.take() {
                return try Berths.inherited(environment)
            }
            return try Berths.open(
                on: endpoint, layout: layout, count: workers, reuse: configuration.reuse,
                backlog: configuration.backlog, options: configuration.socketOptions)
        }
        do throws(SocketError) {
            let wish: Int32
            do throws(Errno) { wish = try request.descriptor } catch {
                throw SocketError(.serve, address: endpoint.description, errno: error)
            }
            report(.listening(berths.address, backlog: berths.backlog.effective, note: berths.backlog.note))
            let harbour = try Harbour(try harbourConfiguration(layout, workers, berths), berths: berths)
            let begin = MonotonicTime.now
            let result = harbour.run(until: wish)
            if let failure = result.failure {
                throw SocketError(.serve, address: berths.address.description, detail: failure)
            }
            return StopReport(
                cut: result.cut, killedWorkers: result.killed, duration: MonotonicTime.now.duration(since: begin))
        } catch { throw ServerError(serving: error) }
    }

    private var plan: (HarbourLayout, Int)? {
        switch model.resolved(for: configuration.limits) {
        case .eventLoops, .threads, .threadPool: nil
        case .processes(let reserve): (.shared, reserve ?? 1)
        case .processPool(let workers, _): (.shared, workers ?? 1)
        case .reusePort(let workers, _): (.each, workers ?? 1)
        }
    }

    private func harbourConfiguration(
        _ layout: HarbourLayout, _ workers: Int, _ berths: Berths
    ) throws(SocketError) -> HarbourConfiguration {
        let options = configuration.workers
        var settings = SupervisionSettings(workers: workers, berths: berths.count)
        settings.readyWithin = options.readyWithin
        settings.patience = options.patience
        // A worker ends its connections in time, and itself with them; one that does not is stuck as a whole.
        settings.drain = configuration.limits.drain + configuration.limits.force + .seconds(5)
        settings.lameDuck = configuration.limits.lameDuckTime
        settings.connectionsPerWorker = options.connectionsPerWorker
        settings.workerAge = options.age
        settings.rescueAfter = options.rescue
        if case .processes = model {
            settings.mostProcesses = ConcurrencyModel.mostProcesses(configuration.limits)
            // As many as there may be at once: each connection has one started.
            settings.surge = workers
        }
        var result = HarbourConfiguration(
            program: try WorkerProgram.own(arguments: CommandLine.arguments), server: endpoint.description,
            layout: layout, settings: settings
        ) { [self] event in report(.harbour(event)) }
        do throws(Errno) {
            result.board = try makeBoard(most: settings.mostProcesses)
        } catch { throw SocketError(.serve, address: endpoint.description, errno: error, detail: "no memory to share") }
        result.layoutName = model.name
        result.upgradeProgram = result.program
        let address = berths.address
        result.becameReady = { [self] in announce(address) }
        result.withdraw = { [self] in readyAnnouncement.withdraw() }
        switch options.control {
        case .automatic: result.control = .automatic
        case .path(let path): result.control = .path(path)
        case .none: result.control = .none
        }
        return result
    }

    /// What the workers know together, with what is allowed from the start.
    private func makeBoard(most: Int?) throws(Errno) -> Board {
        let size: Board.Size
        if case .processes = model {
            // Each has one connection, and its successors come while it ends.
            size = Board.Size(places: 2 * (most ?? 512) + 64, connections: 1)
        } else {
            size = Board.Size(places: 1088, connections: configuration.limits.maximumConnections)
        }
        let board = try Board.shared(size)
        configuration.limits.post(on: board)
        return board
    }
}
