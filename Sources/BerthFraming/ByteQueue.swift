/// A queue of bytes in one contiguous piece of memory: appended at its tail, consumed at its head.
///
/// It is the read buffer and the write buffer of every stream. Consuming moves an offset, appending reuses the space
/// in front before it grows, and an empty queue can give its memory back (``releaseIfEmpty()``), so that an idle
/// connection owns none.
///
/// The queue has no bound of its own: whoever fills it checks ``count`` against a limit first.
public struct ByteQueue: ~Copyable {
    // Invariant: storage is nil if and only if capacity == 0; 0 <= head <= tail <= capacity; the bytes in
    // head..<tail are initialised. The memory is owned by this value alone and freed in deinit.
    @usableFromInline internal var storage: UnsafeMutableRawPointer?
    @usableFromInline internal var capacity = 0
    @usableFromInline internal var head = 0
    @usableFromInline internal var tail = 0

    /// The smallest piece of memory that is allocated.
    private static let smallestCapacity = 256

    public init() {}

    deinit { unsafe storage?.deallocate() }

    /// How many bytes wait.
    @inlinable public var count: Int { tail &- head }

    /// Whether no byte waits.
    @inlinable public var isEmpty: Bool { head == tail }

    /// How many bytes of memory the queue owns.
    @inlinable public var allocatedCount: Int { capacity }

    /// The waiting bytes.
    @inlinable public var bytes: RawSpan {
        @_lifetime(borrow self)
        get {
            guard let storage = unsafe storage else { return RawSpan() }
            let span = unsafe RawSpan(_unsafeStart: storage + head, byteCount: tail - head)
            return unsafe _overrideLifetime(span, borrowing: self)
        }
    }

    /// Calls `body` with the waiting bytes; the pointer is valid only during the call.
    @inlinable
    public func withUnsafeBytes<R: ~Copyable, E: Error>(
        _ body: (UnsafeRawBufferPointer) throws(E) -> R
    ) throws(E) -> R {
        guard let storage = unsafe storage else { return try unsafe body(UnsafeRawBufferPointer(start: nil, count: 0)) }
        return try unsafe body(UnsafeRawBufferPointer(start: storage + head, count: tail - head))
    }

    /// Forgets the first `count` bytes, which must be waiting.
    @inlinable public mutating func consume(_ count: Int) {
        precondition(count >= 0 && count <= tail - head, "more bytes consumed than there are")
        head += count
        if head == tail {
            head = 0
            tail = 0
        }
    }

    /// Takes back the last `count` bytes, which must be waiting: undoes appending them.
    @inlinable public mutating func removeLast(_ count: Int) {
        precondition(count >= 0 && count <= tail - head, "more bytes taken back than there are")
        tail -= count
        if head == tail {
            head = 0
            tail = 0
        }
    }

    /// Forgets all waiting bytes.
    @inlinable public mutating func removeAll() {
        head = 0
        tail = 0
    }

    /// Makes room for at least `additional` bytes behind the waiting ones.
    @inlinable public mutating func reserve(_ additional: Int) {
        precondition(additional >= 0)
        if capacity - tail >= additional { return }
        makeRoom(additional)
    }

    @usableFromInline internal mutating func makeRoom(_ additional: Int) {
        let waiting = count
        if capacity - waiting >= additional, waiting <= capacity / 2, let storage = unsafe storage {
            unsafe storage.copyMemory(from: storage + head, byteCount: waiting)
            head = 0
            tail = waiting
            return
        }
        var wanted = max(capacity, Self.smallestCapacity)
        while wanted - waiting < additional { wanted = wanted > Int.max / 4 ? waiting + additional : wanted * 2 }
        let fresh = UnsafeMutableRawPointer.allocate(byteCount: wanted, alignment: 16)
        if let storage = unsafe storage {
            unsafe fresh.copyMemory(from: storage + head, byteCount: waiting)
            unsafe storage.deallocate()
        }
        unsafe storage = fresh
        capacity = wanted
        head = 0
        tail = waiting
    }

    /// Lets `body` write up to `room` bytes or more behind the waiting ones.
    ///
    /// - Parameter body: gets memory of at least `room` bytes whose content is undefined, and returns how many bytes
    ///   it wrote at its beginning.
    /// - Returns: what `body` returned.
    @inlinable @discardableResult
    public mutating func fill<E: Error>(
        room: Int, _ body: (UnsafeMutableRawBufferPointer) throws(E) -> Int
    ) throws(E) -> Int {
        reserve(max(room, 1))
        guard let storage = unsafe storage else { return 0 }
        let written = try unsafe body(UnsafeMutableRawBufferPointer(start: storage + tail, count: capacity - tail))
        precondition(written >= 0 && written <= capacity - tail, "more bytes written than there was room for")
        tail += written
        return written
    }

    /// Appends the bytes of `span`.
    @inlinable public mutating func append(_ span: RawSpan) {
        if span.isEmpty { return }
        fill(room: span.byteCount) { memory in
            unsafe span.withUnsafeBytes { unsafe memory.copyMemory(from: $0) }
            return span.byteCount
        }
    }

    /// Appends the first `count` bytes of `prefix`, as they lie in memory, and then `body`, if there is room for that
    /// without more memory.
    @inlinable @inline(__always)
    mutating func appendWithinCapacity(prefix: UInt64, of count: Int, _ body: RawSpan) -> Bool {
        // Eight bytes are stored whatever the count is: one store, and what is too much is overwritten.
        guard capacity &- tail >= body.byteCount &+ 8, let storage = unsafe storage else { return false }
        let end = unsafe storage + tail
        unsafe end.storeBytes(of: prefix, as: UInt64.self)
        unsafe body.withUnsafeBytes { source in
            if let start = source.baseAddress { unsafe (end + count).copyMemory(from: start, byteCount: source.count) }
        }
        tail &+= count &+ body.byteCount
        return true
    }

    /// Forgets `consumed` bytes, of which there must be as many, and says where the last `count` of them lie: as long as
    /// nothing is appended.
    @inlinable @inline(__always)
    mutating func take(_ consumed: Int, keeping count: Int) -> UnsafeRawBufferPointer {
        let start = head &+ (consumed &- count)
        head &+= consumed
        if head == tail {
            head = 0
            tail = 0
        }
        return unsafe UnsafeRawBufferPointer(start: storage.unsafelyUnwrapped + start, count: count)
    }

    /// Takes over the memory of `other`. Neither may hold a byte, and this queue no memory of its own.
    @inlinable @inline(__always)
    package mutating func takeMemory(of other: inout ByteQueue) {
        precondition(unsafe storage == nil && other.isEmpty, "memory taken over that is in use")
        unsafe storage = other.storage
        capacity = other.capacity
        unsafe other.storage = nil
        other.capacity = 0
    }

    /// Makes `count` bytes at the beginning of `memory` what waits, and lies there. The memory stays somebody else's: before
    /// anything is appended, and before this value ends, ``giveUpMemory()`` has to be called. Only without memory of its own.
    @inlinable @inline(__always)
    package mutating func borrowMemory(_ memory: UnsafeMutableRawBufferPointer, filled count: Int) {
        precondition(unsafe storage == nil && count <= memory.count, "memory borrowed in place of what is there")
        unsafe storage = memory.baseAddress
        capacity = memory.count
        tail = count
    }

    /// Ends what ``borrowMemory(_:filled:)`` began: where the bytes lie that still wait. The queue is empty.
    @inlinable @inline(__always)
    package mutating func giveUpMemory() -> UnsafeRawBufferPointer {
        let rest = unsafe UnsafeRawBufferPointer(start: storage.map { unsafe $0 + head }, count: tail &- head)
        unsafe storage = nil
        capacity = 0
        head = 0
        tail = 0
        return unsafe rest
    }

    /// The memory behind the waiting bytes, and how much it is.
    @inlinable @inline(__always)
    package var spare: UnsafeMutableRawBufferPointer {
        guard let storage = unsafe storage else { return unsafe UnsafeMutableRawBufferPointer(start: nil, count: 0) }
        return unsafe UnsafeMutableRawBufferPointer(start: storage + tail, count: capacity &- tail)
    }

    /// Counts bytes that were written to ``spare``.
    @inlinable @inline(__always)
    package mutating func grow(by count: Int) {
        precondition(count >= 0 && count <= capacity &- tail, "more bytes written than there was room for")
        tail &+= count
    }

    /// Appends one byte.
    public mutating func append(_ byte: UInt8) {
        fill(room: 1) { memory in
            unsafe memory[0] = byte
            return 1
        }
    }

    /// Appends `bytes`.
    public mutating func append(_ bytes: [UInt8]) { append(bytes.span.bytes) }

    /// Appends the UTF-8 bytes of `text`.
    public mutating func append(_ text: String) {
        append(text.utf8Span.span.bytes)
    }

    /// Frees the memory when nothing waits.
    public mutating func releaseIfEmpty() {
        guard isEmpty else { return }
        unsafe storage?.deallocate()
        unsafe storage = nil
        capacity = 0
    }
}
