package import BerthSockets
internal import BerthSystem
internal import Synchronization

/// The place of this process on a board.
///
/// A connection is reserved before it is looked whether it is one too many: first the own place says one more, then the
/// places of all are summed up. Of two processes that do so at the same time at least one sees the other's, so there is
/// never one too many. When both give up they try again.
package final class BoardPlace: Sendable {
    package let board: Board
    package let number: Int
    private let start: Int
    /// How many connections this process can have, whatever is allowed.
    private let most = Atomic<Int>(.max)
    /// Held by whoever changes this place's table of addresses: nobody else does.
    private let table = Monitor(())

    package init(_ board: Board, _ number: Int) {
        self.board = board
        self.number = number
        start = board.start(of: number)
        board.use(number)
    }

    private typealias Layout = Board.Layout

    private func add(_ count: Int, to index: Int) {
        // Of what is negative the two's complement is added.
        unsafe board.word(start + index).pointee.wrappingAdd(
            UInt64(bitPattern: Int64(count)), ordering: .sequentiallyConsistent)
    }

    // MARK: Connections

    /// Says how many connections this process can have, whatever is allowed.
    package func limit(to count: Int) { most.store(count, ordering: .relaxed) }

    /// Takes room for a connection, unless there are as many as there may be.
    package func reserve() -> Bool {
        return reserve(
            limit: 0, of: { excess }, take: { add(1, to: Layout.reserved) },
            giveBack: { add(-1, to: Layout.reserved) })
    }

    /// Gives the room back that ``reserve()`` has taken.
    package func giveBack() { add(-1, to: Layout.reserved) }

    /// Whether ``reserve()`` would find room.
    package var hasRoom: Bool { excess < 0 }

    /// How many connections there are more than there may be; negative while there may be more.
    private var excess: Int {
        let own = Int(board[start + Layout.reserved]) - most.load(ordering: .relaxed)
        return board[.maximum].map { max(own, board.reserved - $0) } ?? own
    }

    private static let attempts = 16

    private func reserve(limit: Int, of sum: () -> Int, take: () -> Void, giveBack: () -> Void) -> Bool {
        for attempt in 0..<Self.attempts {
            take()
            if sum() <= limit { return true }
            giveBack()
            if sum() >= limit { return false }
            // Others took at the same moment, and have given up too. Not all at the same moment again.
            for _ in 0..<Int.random(in: 0...16 << attempt / 2) { _ = board.used }
        }
        return false
    }

    // MARK: Addresses

    /// What came of counting an address.
    package enum AddressClaim: Sendable, Hashable {
        case taken
        /// It has as many connections as it may.
        case limit
        /// It cannot be counted: the table has no room for it.
        case noRoom
    }

    /// Counts a connection of an address in, unless there are as many as there may be.
    package func claim(_ key: UInt64, limit: Int) -> AddressClaim {
        table.withLock { _ in
            guard let entry = board.entry(for: key, at: number) else { return .noRoom }
            let isTaken = reserve(
                limit: limit, of: { board.count(of: key) },
                take: { unsafe board.word(entry + 1).pointee.wrappingAdd(1, ordering: .sequentiallyConsistent) },
                giveBack: {
                    unsafe board.word(entry + 1).pointee.wrappingSubtract(1, ordering: .sequentiallyConsistent)
                })
            return isTaken ? .taken : .limit
        }
    }

    /// Counts it out.
    package func release(_ key: UInt64) {
        table.withLock { _ in
            guard let entry = board.find(key, at: number) else { return }
            unsafe board.word(entry + 1).pointee.wrappingSubtract(1, ordering: .sequentiallyConsistent)
        }
    }

    // MARK: Counting

    /// A connection was accepted and is served; for it room was reserved.
    package func began() {
        add(1, to: Layout.accepted)
        add(1, to: Layout.active)
    }

    /// It was not served after all.
    package func revoked() {
        add(-1, to: Layout.active)
        add(-1, to: Layout.accepted)
    }

    /// It is over, and its room is free.
    package func ended() {
        add(-1, to: Layout.active)
        giveBack()
    }

    /// Counts one more of what ``Board/counter(_:)`` has named.
    package func count(_ counter: Int?) {
        if let counter { add(1, to: Layout.counters + counter) }
    }

    /// Counts what went over a connection that is over.
    package func count(_ bytes: ByteAccount) {
        add(bytes.received, to: Layout.received)
        add(bytes.sent, to: Layout.sent)
        add(bytes.discarded, to: Layout.discarded)
        add(bytes.unacknowledged, to: Layout.unacknowledged)
        add(bytes.unsent, to: Layout.unsent)
    }

    /// What went over all of them.
    package var bytes: ByteAccount { board.bytes(of: number) }

    /// What this process has counted under it.
    package func value(of counter: Int?) -> Int {
        counter.map { Int(board[start + Layout.counters + $0]) } ?? 0
    }

    package var active: Int { Int(board[start + Layout.active]) }
    package var accepted: Int { Int(board[start + Layout.accepted]) }
}
