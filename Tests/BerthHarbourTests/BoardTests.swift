import BerthSockets
import BerthSystem
import Synchronization
import TestSupport
import Testing

@testable import BerthHarbour

@Suite("What the processes of a service know together")
struct BoardTests {
    static func board(places: Int = 8, connections: Int = 64) throws -> Board {
        try Board.shared(Board.Size(places: places, connections: connections))
    }

    /// Has each of some threads do the same at a place of its own.
    private static func atEachPlace(_ count: Int, of board: Board, _ body: @escaping @Sendable (BoardPlace) -> Void)
        throws
    {
        let left = Monitor(count)
        for number in 0..<count {
            try Thread.start(name: "place-\(number)") {
                body(BoardPlace(board, number))
                left.change { $0 -= 1 }
            }
        }
        #expect(left.wait(until: .after(.seconds(240))) { $0 == 0 ? true : nil } == true)
    }

    @Test("of 20,000 attempts at eight places as many are let in as there may be, and never one more")
    func maximum() throws {
        let board = try Self.board()
        board[.maximum] = 100
        let (taken, refused) = (Shared(), Shared())
        try Self.atEachPlace(8, of: board) { place in
            for _ in 0..<2500 {
                if place.reserve() { taken.add() } else { refused.add() }
            }
        }
        #expect(taken.value == 100 && refused.value == 19_900 && board.reserved == 100)
    }

    @Test("with connections that come and go there are never more than there may be")
    func churn() throws {
        let board = try Self.board()
        board[.maximum] = 10
        let (present, most) = (Shared(), Shared())
        try Self.atEachPlace(8, of: board) { place in
            for _ in 0..<2000 where place.reserve() {
                most.raise(to: present.add())
                present.subtract()
                place.giveBack()
            }
        }
        #expect((1...10).contains(most.value) && board.reserved == 0)
    }

    @Test("of one address no more are let in than may be, wherever they come")
    func addresses() throws {
        let board = try Self.board()
        let taken = (0..<4).map { _ in Shared() }
        try Self.atEachPlace(8, of: board) { place in
            for round in 0..<1000 where place.claim(UInt64(1 + round % 4), limit: 25) == .taken {
                taken[round % 4].add()
            }
        }
        #expect(taken.map(\.value) == [25, 25, 25, 25])
        #expect((1...4).map { board.count(of: $0) } == [25, 25, 25, 25])
    }

    @Test("what a process held that is gone is free, and nothing else")
    func clearing() throws {
        let board = try Self.board()
        board[.maximum] = 4
        let (first, second) = (BoardPlace(board, 0), BoardPlace(board, 1))
        for place in [first, first, second, second] {
            #expect(place.reserve() && place.claim(7, limit: 4) == .taken)
            place.began()
        }
        #expect(!second.reserve() && second.claim(7, limit: 4) == .limit)
        first.count(board.counter("o:idle"))
        #expect(board.counts(of: 0).active == 2)
        board.clear(0)
        #expect(board.reserved == 2 && board.count(of: 7) == 2)
        #expect(board.counts(of: 0) == WorkerCounts())
        #expect(second.reserve() && second.claim(7, limit: 4) == .taken)
        second.release(7)
        #expect(board.count(of: 7) == 2)
    }

    @Test("an IPv6 address counts by its /64, an IPv4 one by itself in either form, a Unix socket not at all")
    func keys() throws {
        func key(_ text: String) throws -> UInt64? {
            guard case .address(let address) = try Endpoint(parsing: text).target else { return nil }
            return Board.key(of: address)
        }
        #expect(try key("[2001:db8:1:2::3]:1") == key("[2001:db8:1:2:ffff::9]:2"))
        #expect(try key("[2001:db8:1:2::3]:1") != key("[2001:db8:1:3::3]:1"))
        #expect(try key("192.0.2.1:1") == key("[::ffff:192.0.2.1]:2"))
        #expect(try key("192.0.2.1:1") != key("192.0.2.2:1"))
        #expect(try key("[::1]:1") != nil)
        #expect(Board.key(of: .unnamed) == nil)
    }

    @Test("an address that the table has no room for is told from one that has too many, and there is room again later")
    func fullTable() throws {
        let board = try Board.shared(Board.Size(places: 1, connections: 1))
        let place = BoardPlace(board, 0)
        for key in 1...UInt64(Board.bucket) { #expect(place.claim(key, limit: 1) == .taken) }
        #expect(place.claim(99, limit: 1) == .noRoom)
        #expect(place.claim(3, limit: 1) == .limit)
        place.release(3)
        #expect(place.claim(99, limit: 1) == .taken)
    }

    @Test("a process that the board is handed to sees the same")
    func inheriting() throws {
        let board = try Self.board()
        board[.maximum] = 5
        let mine = BoardPlace(board, 0)
        #expect(mine.reserve())
        mine.began()
        mine.count(board.counter("o:idle"))
        mine.count(board.counter("r:maximum"))
        let theirs = try Board.inherited(try Kernel.duplicate(board.descriptor))
        #expect(theirs[.maximum] == 5 && theirs.reserved == 1 && theirs.size == board.size)
        let counts = theirs.counts(of: 0)
        #expect(counts.outcomes == ["idle": 1] && counts.refusals == ["maximum": 1] && counts.refused == 1)
        #expect(counts.accepted == 1 && counts.active == 1)
        // By name: another version may know other ones.
        #expect(
            theirs.counter("o:new") == theirs.counter("o:new") && theirs.counter("o:idle") == board.counter("o:idle"))
    }

    @Test("what is no board is refused")
    func noBoard() throws {
        let file = try Kernel.openMemory(named: "nothing", size: 1 << 20)
        #expect(throws: Errno.invalidArgument) { _ = try Board.inherited(try Kernel.duplicate(file.rawValue)) }
    }

    @Test("lists of addresses are read as they were written, and their version changes with them")
    func access() throws {
        let board = try Self.board()
        let list = AccessList(
            allow: [try #require(Network("10.0.0.0/8"))],
            deny: [try #require(Network("10.1.0.0/16")), try #require(Network("2001:db8::/32"))])
        let before = board.accessVersion
        #expect(board.setAccess(list) && board.accessVersion != before)
        #expect(board.readAccess().list == list)
        let many = AccessList(
            deny: Array(repeating: try #require(Network("10.0.0.0/8")), count: Board.mostNetworks + 1))
        #expect(!board.setAccess(many) && board.readAccess().list == list)
    }
}

@Suite("A bucket of tokens")
struct TokenBucketTests {
    @Test("gives as many at once as its burst, and then one at a time")
    func table() {
        let bucket = TokenBucket(rate: 10, burst: 3)
        let second: Int64 = 1_000_000_000
        var fullAt: Int64 = 0
        var taken: [Int64] = []
        // Asked every 10 ms for a second, after a long pause.
        for now in stride(from: 5 * second, through: 6 * second, by: 10_000_000) {
            if case .taken(let next) = bucket.take(fullAt: fullAt, now: now) {
                taken.append((now - 5 * second) / 1_000_000)
                fullAt = next
            }
        }
        #expect(taken == [0, 10, 20, 100, 200, 300, 400, 500, 600, 700, 800, 900, 1000])
    }

    @Test("says when there is one again, and is as full as before when one is given back")
    func givingBack() {
        let bucket = TokenBucket(rate: 2, burst: 1)
        guard case .taken(let next) = bucket.take(fullAt: 0, now: 1_000_000_000) else {
            Issue.record("none")
            return
        }
        #expect(bucket.take(fullAt: next, now: 1_200_000_000) == .empty(until: 1_500_000_000))
        #expect(bucket.take(fullAt: bucket.giveBack(fullAt: next), now: 1_200_000_000) != .empty(until: 1_500_000_000))
    }

    @Test("is one for all processes")
    func shared() throws {
        let board = try BoardTests.board()
        board[.burst] = 5
        board[.rate] = 1
        let theirs = try Board.inherited(try Kernel.duplicate(board.descriptor))
        let now = MonotonicTime.now
        let results = (0..<8).map { ($0 % 2 == 0 ? board : theirs).takeToken(at: now) == nil }
        #expect(results == [true, true, true, true, true, false, false, false])
        theirs.giveTokenBack()
        #expect(board.takeToken(at: now) == nil && board.takeToken(at: now) == now.advanced(by: .seconds(1)))
        board[.rate] = nil
        #expect(board.takeToken(at: now) == nil && board.tokenMoment(at: now) == nil)
    }
}

/// A number that threads change.
final class Shared: Sendable {
    private let number = Atomic<Int>(0)
    var value: Int { number.load(ordering: .sequentiallyConsistent) }
    @discardableResult
    func add() -> Int { number.add(1, ordering: .sequentiallyConsistent).newValue }
    func subtract() { number.subtract(1, ordering: .sequentiallyConsistent) }
    func raise(to value: Int) { number.max(value, ordering: .sequentiallyConsistent) }
}
