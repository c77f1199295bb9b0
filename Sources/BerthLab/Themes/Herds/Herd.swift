internal import BerthSystem

/// Threads that wait for connections, one way or another, and how often they were woken.
struct Herd {
    /// How a thread waits.
    enum Waiting: Sendable {
        /// In accept(2) itself.
        case accept
        /// In poll(2), then a non-blocking accept; select(2) is the same.
        case poll
        /// In epoll_wait(2) on an epoll of the thread's own.
        case ownEpoll(EpollEvents)
        /// In epoll_wait(2) on one epoll of all threads.
        case sharedEpoll(EpollEvents)
    }

    /// How often threads went to sleep, which is how often they were woken.
    var wakeUps = 0
    /// How many connections each took.
    var served: [Int] = []

    /// What a thread comes back with.
    private struct Tally: Sendable {
        var wakeUps = 0
        var served = 0
    }

    /// Has `count` threads wait at listeners (in turn, where there are several) while clients connect one after the
    /// other, each when all threads sleep again.
    static func watch(
        _ lab: Stage, at listeners: [LabSocket], threads count: Int = 8, connections: Int = 40, _ waiting: Waiting
    ) throws -> Herd {
        var shared: Int32 = -1
        var epolls: [Int32] = []
        func makeEpoll(_ listener: LabSocket, _ events: EpollEvents) throws -> Int32 {
            let epoll = try Epoll()
            try epoll.add(listener.descriptor, events, token: 0)
            let copy = try epoll.descriptor.duplicate().release()
            epolls.append(copy)
            return copy
        }
        defer { for epoll in epolls { try? Kernel.close(epoll) } }
        if case .sharedEpoll(let events) = waiting { shared = try makeEpoll(listeners[0], events) }

        var threads: [(background: Background<Tally>, sleepsOn: Int32)] = []
        for index in 0..<count {
            let listener = listeners[index % listeners.count]
            var sleepsOn = listener.descriptor
            switch waiting {
            case .accept, .poll: break
            case .ownEpoll(let events): sleepsOn = try makeEpoll(listener, events)
            case .sharedEpoll: sleepsOn = shared
            }
            let epoll = sleepsOn
            let thread = try lab.background("waiter \(index)") { () throws(Errno) in
                switch waiting {
                case .accept: try tally(listener) { () throws(Errno) in true }
                case .poll:
                    try tally(listener) { () throws(Errno) in
                        _ = try listener.wait(for: .readable, within: .seconds(100))
                        return false
                    }
                case .ownEpoll, .sharedEpoll:
                    try tally(listener) { () throws(Errno) in
                        try EpollWait.once(epoll)
                        return false
                    }
                }
            }
            threads.append((thread, sleepsOn))
        }
        /// Waits until all sleep. poll(2) has no descriptor as its argument: there any call will do.
        func settle() throws {
            for thread in threads {
                if case .poll = waiting {
                    try lab.waitUntilAsleep(thread.background)
                } else {
                    try lab.waitUntilBlocked(thread.background, onDescriptor: thread.sleepsOn)
                }
            }
        }
        if case .accept = waiting {} else { for listener in listeners { try lab.setNonBlocking(listener) } }
        try settle()
        for number in 1...connections {
            let client = try lab.connect("client \(number)")
            _ = lab.receive(client)
            try lab.close(client)
            try settle()
        }
        for listener in listeners { try lab.shut(listener, .both) }
        // An edge of a shared epoll wakes one thread alone; this wakes the others.
        let end = try WakeUp()
        end.signal()
        if shared >= 0 { try Epoll.add(end.descriptor.rawValue, to: shared, .readable, token: 0) }
        var herd = Herd()
        for thread in threads {
            let tally = try thread.background.value()
            herd.wakeUps += tally.wakeUps
            herd.served.append(tally.served)
        }
        return herd
    }

    /// Takes connections until the listener is shut, and counts.
    ///
    /// - Parameter wait: waits for the next one; says whether accept(2) may wait as well.
    private static func tally(
        _ listener: LabSocket, _ wait: () throws(Errno) -> Bool
    ) throws(Errno) -> Tally {
        var tally = Tally()
        let before = Kernel.threadSleeps
        while true {
            _ = try wait()
            var peer = RawSocketAddress()
            do throws(Errno) {
                // Closed at once: that is what the client waits for.
                _ = try Kernel.accept(listener.descriptor, nonBlocking: false, peer: &peer)
                tally.served += 1
            } catch {
                if error == .wouldBlock { continue }
                // Shut: the last waking was that.
                tally.wakeUps = Kernel.threadSleeps - before - 1
                return tally
            }
        }
    }
}

/// One wait on an epoll whose owner is elsewhere.
private enum EpollWait {
    static func once(_ descriptor: Int32) throws(Errno) {
        let events = EpollEventList(capacity: 4)
        _ = try Epoll.wait(descriptor, into: events, timeout: 100_000)
    }
}
