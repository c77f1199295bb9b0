internal import BerthFraming
internal import BerthSockets
internal import BerthSystem

extension EventLoop {
    /// Connects without blocking the loop. On its thread.
    func connect(_ plan: ConnectPlan) async throws(StreamError) -> TCPSocket {
        if Task.isCancelled { throw .cancelled }
        let addresses = try await plan.resolveElsewhere()
        if let address = plan.unixAddress { return try await plan.connectUnixElsewhere(to: address) }
        return try await LoopConnect.make(plan, addresses, on: self).run()
    }
}

/// A race of connects on an event loop.
///
/// The sockets that try are in an epoll of their own. That is a descriptor too, readable when one of them is ready, so the
/// loop needs to watch no more than one for all of them, as a channel that no connection belongs to (`man 7 epoll`).
private final class LoopConnect {
    private let loop: EventLoop
    private let epoll: Epoll
    private var race: ConnectRace
    private let channel: UnsafeMutablePointer<Channel>

    private init(_ race: consuming ConnectRace, on loop: EventLoop) throws(Errno) {
        epoll = try Epoll()
        self.race = race
        self.loop = loop
        // The number is only lent: see `deinit`.
        unsafe channel = loop.core.makeChannel(
            Descriptor(owning: epoll.descriptor.rawValue), framing: SharedFraming(.raw))
        try unsafe loop.core.watch(channel)
    }

    static func make(
        _ plan: ConnectPlan, _ addresses: [SocketAddress], on loop: EventLoop
    ) throws(StreamError) -> LoopConnect {
        do throws(Errno) { return try LoopConnect(plan.race(addresses), on: loop) } catch {
            throw .socket(SocketError(.open, address: plan.endpoint.description, errno: error))
        }
    }

    deinit {
        // Closing it, as is done with `epoll`, takes it out of the loop's.
        _ = unsafe loop.core.release(channel, closing: true)?.release()
        unsafe loop.core.free(channel)
    }

    func run() async throws(StreamError) -> TCPSocket {
        while true {
            if let socket = try proceed() { return socket }
            try await unsafe loop.waitUnlessCancelled(channel, .connected)
        }
    }

    /// A socket in blocking mode, once there is one.
    private func proceed() throws(StreamError) -> TCPSocket? {
        do throws(SocketError) {
            guard let socket = try race.proceed() else {
                try waitForStarted()
                return nil
            }
            try socket.setNonBlocking(false)
            return socket
        } catch { throw .socket(error) }
    }

    private func waitForStarted() throws(SocketError) {
        for number in race.takeStarted() {
            // One that has failed meanwhile is closed.
            do throws(Errno) { try epoll.add(number, .writable, token: 0) } catch {
                if error != .badDescriptor { throw SocketError(.open, errno: error) }
            }
        }
        let rest = race.wakeUp.remaining?.wholeNanoseconds
        unsafe channel.pointee.clock.limits.idle = rest ?? .max
    }
}
