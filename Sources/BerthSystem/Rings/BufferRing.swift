package import CBerth

/// Buffers that many receives share: the kernel takes one when bytes are there, so that connections that wait own none.
///
/// A group of buffers belongs to one ring. A completion with a ``RingCompletion/bufferID`` hands one of them to the
/// receiver, who ``giveBack(_:)``s it when it has been read, and ``publish()``es what was given back once a batch.
///
/// When none is left, receives end with `.noBufferSpace`. That is no failure: nothing is lost, the bytes are in the
/// socket. Give buffers back, publish them, and make the receives again.
///
/// The kernel writes to the memory as long as receives of this group are in flight: end them before this value ends
/// (``Ring/cancelAll(until:token:_:)``), and take it from its ring.
///
/// Unchecked: used by the thread of its ring alone.
package struct BufferRing: ~Copyable, @unchecked Sendable {
    package let group: UInt16
    /// How many buffers there are.
    package let count: Int
    /// How many bytes each has.
    package let size: Int

    @usableFromInline let entries: UnsafeMutablePointer<berth_ring_buffer>
    @usableFromInline let buffers: UnsafeMutableRawPointer
    @usableFromInline let mask: UInt16
    @usableFromInline var tail: UInt16 = 0
    /// Where in the ring each buffer was put last.
    @usableFromInline let places: UnsafeMutablePointer<UInt16>
    private let memory: MappedMemory

    /// Makes and registers a group of buffers, all of which the kernel has at first.
    ///
    /// - Parameters:
    ///   - count: a power of two, at most 32,768.
    ///   - size: bytes of each. One that is larger than what arrives at once costs address space alone: memory that was
    ///     never written to is not there.
    package init(_ ring: borrowing Ring, group: UInt16, count: Int, size: Int) throws(RingError) {
        precondition(count > 0 && count <= 32_768 && count & (count - 1) == 0 && size > 0)
        // The ring itself has to begin with a page, and whole pages before the buffers suit them too.
        let ringSize = (count * (16 + 2) + 4095) & ~4095
        let memory = try RingError.asking(.registerBuffers) { () throws(Errno) in
            try Kernel.mapMemory(size: ringSize + count * size)
        }
        try RingError.asking(.registerBuffers) { () throws(Errno) in
            try unsafe Kernel.registerBuffers(
                ring.descriptor.rawValue, ring: memory.start, count: UInt32(count), group: group)
        }
        unsafe entries = memory.start.bindMemory(to: berth_ring_buffer.self, capacity: count)
        unsafe places = (memory.start + count * 16).bindMemory(to: UInt16.self, capacity: count)
        unsafe buffers = memory.start + ringSize
        mask = UInt16(count - 1)
        self.group = group
        self.count = count
        self.size = size
        self.memory = memory
        for id in 0..<count { giveBack(id) }
        publish()
    }

    /// Ends the registration. Receives of this group must have ended.
    package consuming func remove(from ring: borrowing Ring) throws(Errno) {
        try Kernel.unregisterBuffers(ring.descriptor.rawValue, group: group)
    }

    /// The memory of a buffer. The receiver's from the completion that told of it until it is given back.
    @inlinable @inline(__always)
    package func buffer(_ id: Int) -> UnsafeMutableRawBufferPointer {
        precondition(id >= 0 && id < count)
        return unsafe UnsafeMutableRawBufferPointer(start: buffers + id * size, count: size)
    }

    /// The buffer behind another one in the ring, where a bundle goes on that began in it. Only before any buffer is given
    /// back that came after the bundle's first.
    @inlinable @inline(__always)
    package func follower(of id: Int) -> Int {
        precondition(id >= 0 && id < count)
        return unsafe Int(entries[Int((places[id] &+ 1) & mask)].id)
    }

    /// Gives a buffer back, which the kernel sees when it is published.
    @inlinable @inline(__always)
    package mutating func giveBack(_ id: Int) {
        precondition(id >= 0 && id < count)
        let place = unsafe entries + Int(tail & mask)
        // Member by member: the last one of the first entry is the tail of the ring.
        unsafe place.pointee.address = UInt64(UInt(bitPattern: buffers + id * size))
        unsafe place.pointee.length = UInt32(truncatingIfNeeded: size)
        unsafe place.pointee.id = UInt16(truncatingIfNeeded: id)
        unsafe places[id] = tail
        tail &+= 1
    }

    /// Lets the kernel see the buffers that were given back.
    @inlinable @inline(__always)
    package func publish() { unsafe berth_ring_store_tail(entries, tail) }
}
