package import BerthInspect
internal import BerthSockets
package import BerthSystem
internal import CBerth

/// What experiments look at.
extension Stage {
    /// The TCP sockets of the network, remnants included; those of the other host behind them.
    package func table() throws -> [SocketRecord] {
        do throws(Errno) {
            let records = try SocketTable.read(withInfo: false).records
            guard let cable else { return records }
            try cable.enter(isOnOtherHost ? .here : .there)
            let others = Result { () throws(Errno) in try SocketTable.read(withInfo: false).records }
            try cable.enter(isOnOtherHost ? .there : .here)
            return records + (try others.get())
        } catch {
            throw StepFailure(step: "reading the list of sockets", errno: error)
        }
    }

    /// What the kernel lists for a socket, closed or not; `nil` when there is nothing any more.
    package func record(_ socket: LabSocket) throws -> SocketRecord? {
        let local = socket.local
        let remote = socket.remote
        return try table().first { record in
            record.local.unmapped == local && record.remote?.unmapped == remote && record.state != .closed
        }
    }

    /// The state of a socket, closed or not, as a word: `gone` when the kernel has nothing of it any more.
    package func state(_ socket: LabSocket) throws -> String { try record(socket)?.state.description ?? "gone" }

    /// How many bytes wait to be read from a socket, or to be acknowledged to it.
    package func unread(_ socket: LabSocket) throws -> Int { try record(socket)?.receiveQueue ?? 0 }
    package func unsent(_ socket: LabSocket) throws -> Int { try record(socket)?.sendQueue ?? 0 }

    /// The states of all connections and remnants whose local port this is, sorted.
    package func states(onPort port: UInt16 = 12345) throws -> [String] {
        try table().filter { $0.local.port == port && $0.remote != nil }.map(\.state.description).sorted()
    }

    /// What waits in a listener's accept queue, and its effective backlog.
    package func queue(_ listener: LabSocket) throws -> (waiting: Int, backlog: Int) {
        // By TCP_INFO and not by the list: several listeners may have one address.
        do {
            let info = try Kernel.tcpInfo(listener.descriptor)
            return (Int(info.unacked), Int(info.sacked))
        } catch {
            throw StepFailure(step: "getsockopt(\(listener.name), TCP_INFO)", errno: error)
        }
    }

    /// How far a counter of the network has moved since the experiment began.
    package func counter(_ name: String) throws -> Int {
        guard let now = try Counters.current()[name] else {
            throw LabFailure("this kernel has no counter \(name)")
        }
        return now - (countersBefore[name] ?? 0)
    }

    /// Where a listener or bound socket really is, and where a connected one comes from.
    package func localAddress(_ socket: LabSocket) throws -> String {
        socket.learnAddresses()
        guard let local = socket.local else { throw LabFailure("\(socket.name) has no address") }
        return local.description
    }

    /// The segments that were seen so far; those of one connection when a socket of it is given.
    package func segments(of socket: LabSocket? = nil) throws -> [Witness.Sighting] {
        do { try witness.collect() } catch { throw StepFailure(step: "fetching packets", errno: error) }
        guard let socket else { return witness.sightings }
        return witness.sightings.filter { sighting in
            let ends = [sighting.segment.source, sighting.segment.destination]
            guard let local = socket.local, ends.contains(local) else { return false }
            return socket.remote.map { ends.contains($0) } ?? true
        }
    }

    /// The segments in short, for example `client [P.] 8`: who, the flags, how many bytes. Segments that only
    /// acknowledge are left out unless asked for: timers decide how many there are.
    package func packets(of socket: LabSocket? = nil, acknowledgements: Bool = false) throws -> [String] {
        let sightings = try segments(of: socket)
        let names = names()
        return sightings.filter { acknowledgements || !$0.segment.isPureAcknowledgement }.map { sighting in
            let segment = sighting.segment
            let side = names.side(of: segment) == .client ? "client" : "server"
            return "\(side) \(segment.flags)" + (segment.length > 0 ? " \(segment.length)" : "")
        }
    }

    /// How many messages wait at a UDP socket, which are taken.
    package func datagrams(_ socket: LabSocket) -> Int {
        var count = 0
        while (try? socket.receive(2048, flags: .doNotWait)) != nil { count += 1 }
        return count
    }

    /// How many descriptors the experiment has open.
    package func descriptorCount() throws -> Int {
        do { return try Kernel.names(inDirectory: "/proc/thread-self/fd").count } catch {
            throw StepFailure(step: "counting descriptors", errno: error)
        }
    }

    /// Waits until a socket is gone, and says how long that took since some moment.
    package func secondsUntilGone(
        _ socket: LabSocket, since begin: MonotonicTime, within time: Duration
    ) throws -> Double {
        let deadline = Deadline.after(time)
        while try record(socket) != nil, !deadline.hasPassed { try pause(.milliseconds(20)) }
        look()
        return seconds(since: begin)
    }

    /// How an attempt ends: `OK`, or the name of its error.
    package func outcome(_ attempt: () throws -> Void) throws -> String {
        do {
            try attempt()
            return "OK"
        } catch let failure as StepFailure {
            return failure.errno.name
        }
    }

    /// The seconds since some moment.
    package func seconds(since moment: MonotonicTime) -> Double {
        MonotonicTime.now.duration(since: moment).inSeconds
    }
}
