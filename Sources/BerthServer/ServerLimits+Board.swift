internal import BerthFraming
internal import BerthHarbour
internal import BerthSockets
internal import BerthSystem

// Limits that can be changed while the service runs are on its board, where all of its processes look.
extension ServerLimits {
    /// Puts them on a board.
    func post(on board: Board) {
        board[.maximum] = maximumConnections
        switch perAddress {
        case .automatic: board[.perAddress] = 0
        case .atMost(let count): board[.perAddress] = max(1, count)
        case .unlimited: board[.perAddress] = nil
        }
        switch overload {
        case .wait: board.overload = .wait
        case .refuse: board.overload = .refuse
        case .farewell: board.overload = .farewell
        case .queue(let time, let most):
            board[.queue] = Self.nanoseconds(time)
            board[.queueLength] = max(1, most)
            board.overload = .queue
        }
        board[.burst] = acceptRate?.burst
        board[.rate] = acceptRate?.perSecond
        board[.unreadOutput] = unreadOutput.bytes
        board[.firstByte] = Self.nanoseconds(firstByte)
        board[.frame] = Self.nanoseconds(frame)
        board[.largestFrame] = largestFrame?.bytes
        board[.minimumRate] = minimumRate?.bytes
        board[.idle] = Self.nanoseconds(idle)
        board[.writeStall] = Self.nanoseconds(writeStall)
        board[.age] = Self.nanoseconds(age)
        // Above what there is room for nothing is allowed by mistake: the rest is not denied either, so it is cut off.
        _ = board.setAccess(access.shortened(to: Board.mostNetworks))
    }

    /// The same with what is on a board now.
    ///
    /// - Parameter farewell: the words that the service has for those who are turned away.
    func reading(_ board: Board, farewell: [UInt8]?) -> ServerLimits {
        var copy = self
        copy.overload = .reading(board, farewell: farewell)
        copy.maximumConnections = board[.maximum] ?? .max
        switch board[.perAddress] {
        case nil: copy.perAddress = .unlimited
        case 0?: copy.perAddress = .automatic
        case let count?: copy.perAddress = .atMost(count)
        }
        copy.acceptRate = board[.rate].map { AcceptRate(perSecond: $0, burst: board[.burst]) }
        copy.unreadOutput = ByteCount(board[.unreadOutput] ?? .max)
        copy.access = board.readAccess().list
        copy.firstByte = board[.firstByte].map { .nanoseconds($0) }
        copy.frame = board[.frame].map { .nanoseconds($0) }
        copy.largestFrame = board[.largestFrame].map { ByteCount($0) }
        copy.minimumRate = board[.minimumRate].map { ByteCount($0) }
        copy.idle = board[.idle].map { .nanoseconds($0) }
        copy.writeStall = board[.writeStall].map { .nanoseconds($0) }
        copy.age = board[.age].map { .nanoseconds($0) }
        return copy
    }

    /// At least a millisecond.
    private static func nanoseconds(_ time: Duration?) -> Int? { time.map { Int(max(1_000_000, $0.wholeNanoseconds)) } }
}

extension ServerLimits.Overload {
    /// How long connections wait for room where nobody has said.
    private static let queueTime: Duration = .seconds(5)

    /// What is on a board now. A service that has no words to say refuses without any; a quarter of the maximum waits where
    /// nobody has said how many.
    static func reading(_ board: Board, farewell: [UInt8]?) -> Self {
        switch board.overload {
        case .wait: .wait
        case .refuse: .refuse
        case .farewell: farewell.map { .farewell($0) } ?? .refuse
        case .queue:
            .queue(
                for: board[.queue].map { .nanoseconds($0) } ?? queueTime,
                atMost: board[.queueLength] ?? max(1, (board[.maximum] ?? .max) / 4))
        }
    }
}

extension AccessList {
    fileprivate func shortened(to most: Int) -> AccessList {
        AccessList(allow: Array(allow.prefix(most - min(most, deny.count))), deny: Array(deny.prefix(most)))
    }
}
