internal import BerthSystem

/// The sockets and the one poll loop around ``HappyEyeballs``.
struct ConnectRace: ~Copyable {
    /// A place in the dictionary for a value that cannot be copied.
    private final class Runner {
        var socket: ConnectingSocket?
        let fileDescriptor: Int32
        init(_ socket: consuming ConnectingSocket) {
            fileDescriptor = socket.fileDescriptor
            self.socket = consume socket
        }
    }

    private let local: SocketAddress?
    private let options: SocketOptions
    private let deadline: Deadline
    private var machine: HappyEyeballs
    private var runners: [Int: Runner] = [:]
    /// Whether the deadline ended it.
    private(set) var timedOut = false

    init(_ addresses: [SocketAddress], from local: SocketAddress?, options: SocketOptions, deadline: Deadline) {
        self.local = local
        self.options = options
        self.deadline = deadline
        machine = HappyEyeballs(addresses)
    }

    /// The addresses that failed.
    var attempts: [ConnectAttempt] { machine.attempts }

    /// The first connection that is made, still in non-blocking mode; `nil` when none could be.
    mutating func run() throws(SocketError) -> TCPSocket? {
        var actions = machine.begin(at: .now)
        while true {
            while !actions.isEmpty {
                switch actions.removeFirst() {
                case .start(let index): actions += try start(index)
                case .giveUp(let index): runners[index] = nil
                case .succeed(let index): return runners.removeValue(forKey: index)?.socket.take()?.made()
                case .fail: return nil
                }
            }
            actions = try wait()
        }
    }

    private mutating func start(_ index: Int) throws(SocketError) -> [HappyEyeballs.Action] {
        let socket: ConnectingSocket
        do {
            socket = try ConnectingSocket(to: machine.addresses[index], from: local, options: options)
        } catch {
            switch error {
            case .address(let errno): return machine.failed(index, errno, at: .now)
            case .whole(let error): throw error
            }
        }
        let runner = Runner(socket)
        runners[index] = runner
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

    /// Waits for a socket, for the next start or for the deadline.
    private mutating func wait() throws(SocketError) -> [HappyEyeballs.Action] {
        let indices = runners.keys.sorted()
        var entries = indices.compactMap { runners[$0].map { PollEntry($0.fileDescriptor, .writable) } }
        do { _ = try Kernel.poll(&entries, until: deadline.earlier(of: Deadline(time: machine.wakeUp))) } catch {
            throw SocketError(.connect, address: machine.addresses.first?.description, errno: error)
        }
        var actions: [HappyEyeballs.Action] = []
        for (index, entry) in zip(indices, entries) where !entry.found.isEmpty {
            if let runner = runners[index] { actions += progress(of: index, runner) }
        }
        if !actions.isEmpty { return actions }
        if deadline.hasPassed {
            timedOut = true
            return machine.deadlinePassed(at: .now)
        }
        return machine.timePassed(at: .now)
    }
}
