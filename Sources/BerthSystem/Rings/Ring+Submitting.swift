package import CBerth

extension Ring {
    /// A place for the next request. Valid until the next one is asked for or anything is submitted.
    @inlinable @inline(__always)
    mutating func next() -> UnsafeMutablePointer<berth_ring_entry> {
        inFlightCount &+= 1
        if tail &- head <= mask {
            let place = unsafe entries + Int(tail & mask)
            tail &+= 1
            return unsafe place
        }
        return unsafe nextWhenFull()
    }

    @usableFromInline @inline(never)
    mutating func nextWhenFull() -> UnsafeMutablePointer<berth_ring_entry> {
        if spill.isEmpty { submit() }
        // Behind those that came earlier.
        if !spill.isEmpty || tail &- head > mask { return unsafe spill.append() }
        defer { tail &+= 1 }
        return unsafe entries + Int(tail & mask)
    }

    /// Hands over what has gathered, without waiting. What the kernel does not take (EBUSY, EAGAIN) stays, and is handed
    /// over with the next call; so is what it refuses for another reason, which ``submitAndWait(atLeast:nanoseconds:)``
    /// then reports.
    package mutating func submit() {
        while true {
            fillFromSpill()
            let before = head
            _ = try? enter(awaiting: 0, flags: 0, nanoseconds: -1)
            if spill.isEmpty || head == before { return }
        }
    }

    /// Moves what was kept aside to the queue as far as there is room.
    ///
    /// While something is kept aside the queue is full, or ``next()`` would pass it: so this is done whenever the kernel
    /// has taken something, before anyone asks for a place.
    mutating func fillFromSpill() {
        while !spill.isEmpty, tail &- head <= mask {
            unsafe (entries + Int(tail & mask)).initialize(to: spill.removeFirst())
            tail &+= 1
        }
    }

    /// Shows both indexes of ours to the kernel, enters it, and looks where it has taken its own.
    mutating func enter(awaiting count: UInt32, flags: UInt32, nanoseconds: Int64) throws(Errno) {
        unsafe berth_ring_store(sharedTail, tail)
        unsafe berth_ring_store(sharedCompletionHead, completionHead)
        defer {
            unsafe head = berth_ring_load(sharedHead)
            fillFromSpill()
        }
        try Kernel.enterRing(
            descriptor.rawValue, number: number, submitting: tail &- head, awaiting: count, flags: flags | enterFlags,
            nanoseconds: nanoseconds)
    }

    /// Makes the next entry of all that a request may have; zero where it has nothing.
    @inlinable @inline(__always)
    mutating func add(
        _ operation: RingOperation, _ fd: Int32, offset: UInt64 = 0, address: UInt64 = 0, length: UInt32 = 0,
        priority: UInt16 = 0, flags: UInt8 = 0, operationFlags: UInt32 = 0, group: UInt16 = 0, fileIndex: Int32 = 0,
        token: UInt64
    ) {
        #if BERTH_FAULTS
        var length = length
        if isFaulted(operation, fd, &length, token) { return }
        #endif
        unsafe next().initialize(
            to: berth_ring_entry(
                opcode: operation.rawValue, flags: flags, priority: priority, fd: fd, offset: offset, address: address,
                length: length, operation_flags: operationFlags, token: token, buffer_group: group, personality: 0,
                file_index: fileIndex, address3: 0, reserved: 0))
    }
}
