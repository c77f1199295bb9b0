internal import BerthSockets

/// The connections that an earlier server left, by state: since when they are in it, and when the kernel ends them.
enum Leftovers {
    /// How long the kernel keeps TIME_WAIT: a constant, whatever `tcp_fin_timeout` says (TCP_TIMEWAIT_LEN).
    static let timeWait: Duration = .seconds(60)
    /// How long it tries to end a connection that no process holds with a silent peer: eight retransmissions, each
    /// twice as late as the one before (measured).
    static let orphanRetries: Duration = .seconds(107)

    /// The sockets of one state that end in the same way.
    struct Group: Sendable {
        var state: TCPState
        var holders: [PortHolder]
        /// How long the oldest has been in this state, where that can be told.
        var since: Duration?
        /// In how long the last one ends; `nil` when that is up to a process, or to the peer.
        var end: Duration?
        /// The end is up to the peer: unsent data lies before the FIN, and is kept as long as the peer lives.
        var waitsForPeer = false
        /// The end is the longest that it can last, not what a timer says.
        var isEstimate: Bool

        /// Whether segments may still go to and fro in this state, so that its clocks tell only when one last did.
        var isInMotion: Bool { ![.timeWait, .finWait2, .closeWait].contains(state) }

        /// `3 TIME_WAIT sockets`.
        var count: String { counted(holders.count, "\(state) socket") }

        /// ` since 21 s`, ` quiet for 3 min`.
        var begin: String {
            let oldest = holders.count > 1 ? ", the oldest" : ""
            return since.map { "\(oldest) \(isInMotion ? "quiet for" : "since") \($0.words)" } ?? ""
        }

        /// ` since 21 s (39 s left)`, ` quiet for 3 min, until python3 (pid 4112, user root) closes it`.
        func age(naming owner: (PortHolder) -> String?) -> String {
            guard let end else {
                let ending =
                    waitsForPeer
                    ? "the peer takes what is still to be sent"
                    : "\(owner(holders[0]) ?? "its process") closes \(holders.count > 1 ? "them" : "it")"
                return "\(begin), until \(ending)"
            }
            let last = holders.count > 1 ? "the last one " : ""
            return "\(begin) (\(last)\(isEstimate ? "at most " : "")\(end.wordsRoundedUp) left)"
        }

        /// `1 TIME_WAIT since 21 s (39 s left)`.
        func short(naming owner: (PortHolder) -> String?) -> String {
            "\(holders.count) \(state)\(age(naming: owner))"
        }

        /// `1 TIME_WAIT socket since 21 s (39 s left), 127.0.0.1:8080 with 127.0.0.1:40000`.
        func sentence(naming owner: (PortHolder) -> String?) -> String {
            let first = holders[0].socket
            let peer = first.remote.map { " with \($0)" } ?? ""
            let place = "\(first.local)\(peer)"
            return "\(count)\(age(naming: owner)); \(holders.count > 1 ? "one of them is \(place)" : place)"
        }
    }

    /// The groups, in the order in which the states are met in a connection's end.
    static func groups(_ holders: [PortHolder], finTimeout: Duration?) -> [Group] {
        let order: [TCPState] = [
            .synSent, .established, .finWait1, .closing, .finWait2, .timeWait, .closeWait, .lastAck,
        ]
        var groups: [Group] = []
        for state in order {
            let ofState = holders.filter { $0.socket.state == state }
            // A process decides on the end of what it holds, the kernel on the rest.
            for holders in [ofState.filter { $0.socket.inode == nil }, ofState.filter { $0.socket.inode != nil }] {
                guard !holders.isEmpty else { continue }
                groups.append(group(state, holders, finTimeout: finTimeout))
            }
        }
        return groups
    }

    private static func group(_ state: TCPState, _ holders: [PortHolder], finTimeout: Duration?) -> Group {
        let records = holders.map(\.socket)
        let since = records.compactMap { age($0, finTimeout: finTimeout) }.max()
        var group = Group(state: state, holders: holders, since: since, end: nil, isEstimate: false)
        if records.allSatisfy(\.isRemnant) {
            group.end = records.map(\.timerLeft).max()
        } else if records.allSatisfy({ $0.inode == nil }), records.contains(where: { $0.sendQueue > 1 }) {
            // More than the FIN itself, which counts as one byte.
            group.waitsForPeer = true
        } else if records.allSatisfy({ $0.inode == nil }) {
            group.end = orphanRetries
            group.isEstimate = true
        }
        return group
    }

    /// How long a socket has been in its state, as far as the kernel's clocks tell.
    static func age(_ record: SocketRecord, finTimeout: Duration?) -> Duration? {
        switch record.state {
        case .timeWait: return max(.zero, timeWait - record.timerLeft)
        case .finWait2 where record.isRemnant:
            // Unless the program set a time of its own (TCP_LINGER2). Above 60 s the kernel waits in two steps, and
            // the timer of one says nothing of the other.
            guard let finTimeout, finTimeout <= timeWait, record.timerLeft <= finTimeout else { return nil }
            return finTimeout - record.timerLeft
        // The peer's FIN is an acknowledgement, too, and the last one that comes: a bare FIN is no data.
        case .closeWait, .finWait2: return record.info?.lastAckReceived
        case .established, .finWait1, .lastAck, .closing, .synSent: return record.info.map(quietFor)
        case .listen, .closed, .synReceived, .newSynReceived: return nil
        }
    }

    /// How long nothing went either way.
    private static func quietFor(_ info: TCPInfo) -> Duration {
        min(info.lastDataSent, info.lastDataReceived, info.lastAckReceived)
    }
}
