package import BerthSystem
internal import Synchronization

/// What the processes of one service know together: how many connections there are, what they have counted, and what is
/// allowed. A piece of memory that all of them have; of a service with one process, memory of its own.
///
/// Each process has a place on it, which nobody else writes to. What is there for all is the sum of the places: so there is
/// no lock, and what a process held that was killed is taken back by emptying its place, exactly. Only the settings, the
/// bucket of tokens and the names of the counters belong to all.
///
/// Unchecked: nothing but atomics lies in the memory.
package final class Board: @unchecked Sendable {
    /// One number of the board.
    typealias Word = Atomic<UInt64>

    /// How much there is room for.
    package struct Size: Sendable, Hashable {
        /// Processes at the same time.
        package var places: Int
        /// Addresses that each of them may count: a power of two, at least ``Board/bucket``.
        package var addresses: Int

        /// Room for four times as many addresses as there may be connections.
        package init(places: Int, connections: Int) {
            self.places = max(1, places)
            var addresses = Board.bucket
            while addresses < 4 * connections, addresses < 1 << 22 { addresses *= 2 }
            self.addresses = addresses
        }

        init(places: Int, addresses: Int) {
            self.places = places
            self.addresses = addresses
        }

        /// Whole pages, so that a place can be emptied by giving its pages back.
        var wordsOfPlace: Int { Layout.place + max(512, addresses * 2) }
        var bytes: Int { (Layout.header + places * wordsOfPlace) * 8 }
    }

    /// Where what lies, in words.
    enum Layout {
        static let mark: UInt64 = 0x4245_5254_4842_0001
        static let markAt = 0, placesAt = 1, addressesAt = 2, seedAt = 3, usedAt = 4
        static let settings = 8
        static let tokens = 48, rulesSequence = 49, rulesCount = 50
        static let names = 64, namesCount = 64, wordsOfName = 4
        static let rules = 512, wordsOfRule = 3, mostRules = 512
        static let header = 2048
        // Of a place.
        static let reserved = 0, active = 1, accepted = 2
        static let received = 3, sent = 4, discarded = 5, unacknowledged = 6, unsent = 7
        static let counters = 8
        static let place = 512
    }

    /// How many addresses share a bucket of a place's table: where this many have connections, there is no room for another.
    package static let bucket = 16

    package let size: Size
    private let memory: MappedMemory
    private let file: File?

    /// The owner of the memory's descriptor: what is optional cannot be looked at where it is an owner itself.
    private final class File: Sendable {
        let descriptor: Descriptor
        init(_ descriptor: consuming Descriptor) { self.descriptor = descriptor }
    }

    private init(_ memory: consuming MappedMemory, _ file: File?, _ size: Size) {
        self.memory = memory
        self.file = file
        self.size = size
    }

    /// A board for one process.
    package static func own(connections: Int) throws(Errno) -> Board {
        let size = Size(places: 1, connections: connections)
        let board = Board(try Kernel.mapMemory(size: size.bytes), nil, size)
        board.prepare()
        return board
    }

    /// A board that can be handed to other processes.
    package static func shared(_ size: Size) throws(Errno) -> Board {
        let file = try Kernel.openMemory(named: "berth-board", size: size.bytes)
        let board = Board(try Kernel.mapShared(file.rawValue, size: size.bytes), File(file), size)
        board.prepare()
        return board
    }

    /// The board that was handed to this process.
    ///
    /// - Throws: `.invalidArgument` when it is none, or another version's.
    package static func inherited(_ file: consuming Descriptor) throws(Errno) -> Board {
        let header = Size(places: 0, addresses: 0)
        let first = Board(try Kernel.mapShared(file.rawValue, size: Layout.header * 8), nil, header)
        let size = Size(places: Int(first[Layout.placesAt]), addresses: Int(first[Layout.addressesAt]))
        guard first[Layout.markAt] == Layout.mark, (1...65_536).contains(size.places),
            (bucket...1 << 22).contains(size.addresses)
        else { throw .invalidArgument }
        return Board(try Kernel.mapShared(file.rawValue, size: size.bytes), File(file), size)
    }

    private func prepare() {
        self[Layout.placesAt] = UInt64(size.places)
        self[Layout.addressesAt] = UInt64(size.addresses)
        self[Layout.seedAt] = .random(in: 1 ... .max)
        for setting in Setting.allCases { self[setting] = nil }
        self[Layout.markAt] = Layout.mark
    }

    /// To be handed to another process; -1 for a board of one process.
    package var descriptor: Int32 { file?.descriptor.rawValue ?? -1 }

    /// Whether other processes have it too.
    package var isShared: Bool { file != nil }

    // MARK: Words

    /// The word at an index.
    func word(_ index: Int) -> UnsafeMutablePointer<Word> {
        unsafe memory.start.assumingMemoryBound(to: Word.self) + index
    }

    subscript(index: Int) -> UInt64 {
        get { unsafe word(index).pointee.load(ordering: .sequentiallyConsistent) }
        set { unsafe word(index).pointee.store(newValue, ordering: .sequentiallyConsistent) }
    }

    /// Where a place begins.
    func start(of place: Int) -> Int { Layout.header + place * size.wordsOfPlace }

    /// How many places there may be something at.
    var used: Int { Int(self[Layout.usedAt]) }

    // MARK: Places

    /// Takes a place for a process. By the harbour alone, or whoever else has made the board.
    func use(_ place: Int) {
        if used <= place { self[Layout.usedAt] = UInt64(place + 1) }
    }

    /// Empties a place: what its process held is free. By the harbour, when the process has ended.
    package func clear(_ place: Int) {
        let begin = start(of: place)
        // What counts first: a process that looks meanwhile finds less, not more.
        self[begin + Layout.reserved] = 0
        if memory.empty(begin * 8..<(begin + size.wordsOfPlace) * 8) { return }
        for index in begin..<begin + size.wordsOfPlace { self[index] = 0 }
    }

    /// The sum of one word over all places.
    func sum(_ index: Int) -> Int {
        var sum = 0
        for place in 0..<used { sum += Int(self[start(of: place) + index]) }
        return sum
    }

    /// How many connections there are, in all processes: those that are being accepted included.
    package var reserved: Int { sum(Layout.reserved) }
}
