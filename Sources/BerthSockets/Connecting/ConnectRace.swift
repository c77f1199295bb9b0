package import BerthSystem

/// The sockets around ``HappyEyeballs``: starts them, looks after them, and ends with one that is connected. Whoever has
/// it waits: ``run(interruptedBy:)`` by blocking, an event loop in its own way.
package struct ConnectRace: ~Copyable {
    /// A place in the dictionary for a value that cannot be copied.
    private final class Runner {
        var socket: ConnectingSocket?
        let fileDescriptor: Int32
        init(_ socket: consuming ConnectingSocket) {
            fileDescriptor = socket.fileDescriptor
            self.socket = consume socket
        }
    }

    private let plan: ConnectPlan
    private var machine: HappyEyeballs
    private var runners: [Int: Runner] = [:]
    private var hasBegun = false
    /// Whether the deadline ended it.
    private var isLate = false
    private var started: [Int32] = []

    init(_ addresses: [SocketAddress], _ plan: ConnectPlan) {
        self.plan = plan
        machine = HappyEyeballs(addresses)
    }

    /// Until when nothing has to be done unless one of the sockets gets writable.
    package var wakeUp: Deadline { plan.deadline.earlier(of: Deadline(time: machine.wakeUp)) }

    /// The descriptors that have come since this was last asked: to be waited for until they are writable. They go by
    /// being closed.
    package mutating func takeStarted() -> [Int32] {
        defer { started = [] }
        return started
    }

    /// Does what is to be done now; to be called again when a socket is writable, and at ``wakeUp``.
    ///
    /// - Returns: the first connection that is made, still in non-blocking mode; `nil` as long as there is none.
    /// - Throws: what there is to say when none can be made.
    package mutating func proceed() throws(SocketError) -> TCPSocket? {
        var actions = hasBegun ? look() : machine.begin(at: .now)
        hasBegun = true
        while !actions.isEmpty {
            switch actions.removeFirst() {
            case .start(let index): actions += try start(index)
            case .giveUp(let index): runners[index] = nil
            case .succeed(let index): return runners.removeValue(forKey: index)?.socket.take()?.made()
            case .fail: throw plan.failure(machine.attempts, isLate: isLate)
            }
        }
        return nil
    }

    /// The first connection that is made, still in non-blocking mode.
    ///
    /// - Parameter interruption: a descriptor; when that is readable, the race is given up and the result `nil`.
    package mutating func run(interruptedBy interruption: Int32? = nil) throws(SocketError) -> TCPSocket? {
        while true {
            if let socket = try proceed() { return socket }
            var entries = runners.values.map { PollEntry($0.fileDescriptor, .writable) }
            if let interruption { entries.append(PollEntry(interruption, .readable)) }
            do { _ = try Kernel.poll(&entries, until: wakeUp) } catch {
                throw SocketError(.connect, address: machine.addresses.first?.description, errno: error)
            }
            if interruption != nil, entries.last?.found.isEmpty == false { return nil }
        }
    }

    private mutating func start(_ index: Int) throws(SocketError) -> [HappyEyeballs.Action] {
        let socket: ConnectingSocket
        do {
            socket = try ConnectingSocket(to: machine.addresses[index], from: plan.local, options: plan.options)
        } catch {
            switch error {
            case .address(let errno): return machine.failed(index, errno, at: .now)
            case .whole(let error): throw error
            }
        }
        let runner = Runner(socket)
        runners[index] = runner
        started.append(runner.fileDescriptor)
        return progress(of: index, runner)
    }

    /// What follows from the state of one socket.
    private mutating func progress(of index: Int, _ runner: Runner) -> [HappyEyeballs.Action] {
        do {
            let isMade = try runner.socket?.isMade() ?? false
            return isMade ? machine.connected(index, at: .now) : []
        } catch {
            runners[index] = nil
            return machine.failed(index, error, at: .now)
        }
    }

    /// What follows from the state of all sockets, and from what time it is.
    private mutating func look() -> [HappyEyeballs.Action] {
        var actions: [HappyEyeballs.Action] = []
        for index in runners.keys.sorted() {
            if let runner = runners[index] { actions += progress(of: index, runner) }
        }
        if !actions.isEmpty { return actions }
        if plan.deadline.hasPassed {
            isLate = true
            return machine.deadlinePassed(at: .now)
        }
        return machine.timePassed(at: .now)
    }
}
