internal import CBerth

/// The system calls of `io_uring(7)`. There is no C function for them in the C library, so none is named.
extension Kernel {
    /// Makes a ring. The system call is `io_uring_setup(2)`; its descriptor is close-on-exec.
    static func setUpRing(entries: UInt32, _ parameters: inout berth_ring_parameters) throws(Errno) -> Descriptor {
        Descriptor(owning: try retrying(.ringSetup) { unsafe berth_ring_setup(entries, &parameters) })
    }

    /// Hands over submissions and waits for completions. The system call is `io_uring_enter(2)`.
    ///
    /// Not made again after an interruption, for the same reason as that of `epoll_wait`: whoever waits has other things
    /// to look at first.
    static func enterRing(
        _ fd: Int32, number: Int32, submitting count: UInt32, awaiting completions: UInt32, flags: UInt32,
        nanoseconds: Int64
    ) throws(Errno) {
        #if BERTH_FAULTS
        if case .fail(let errno) = SyscallFaults.next(.ringEnter, fd) { throw errno }
        #endif
        if berth_ring_enter(number, count, completions, flags, nanoseconds) < 0 { throw .current }
    }

    /// Enables a ring that was made disabled. The system call is `io_uring_register(2)` with
    /// IORING_REGISTER_ENABLE_RINGS.
    static func enableRing(_ fd: Int32) throws(Errno) {
        _ = try retrying(.ringRegister, fd) { berth_ring_register(fd, 12, nil, 0) }
    }

    /// Enters a ring into the table of the calling thread, which makes entering it cheaper, and returns its index there.
    /// The system call is `io_uring_register(2)` with IORING_REGISTER_RING_FDS.
    static func registerRing(_ fd: Int32) throws(Errno) -> Int32 {
        try retrying(.ringRegister, fd) { berth_ring_register_descriptor(fd) }
    }

    /// Takes a ring out of the table of the calling thread.
    static func unregisterRing(_ fd: Int32, index: Int32) throws(Errno) {
        _ = try retrying(.ringRegister, fd) { berth_ring_unregister_descriptor(fd, index) }
    }

    /// Registers a ring of `count` buffers as a group. The system call is `io_uring_register(2)` with
    /// IORING_REGISTER_PBUF_RING.
    static func registerBuffers(
        _ fd: Int32, ring: UnsafeMutableRawPointer, count: UInt32, group: UInt16
    ) throws(Errno) {
        _ = try retrying(.ringRegister, fd) { unsafe berth_ring_register_buffers(fd, ring, count, group) }
    }

    /// Ends the registration of a group of buffers.
    static func unregisterBuffers(_ fd: Int32, group: UInt16) throws(Errno) {
        _ = try retrying(.ringRegister, fd) { berth_ring_unregister_buffers(fd, group) }
    }

    /// Whether the kernel knows all of these operations. The system call is `io_uring_register(2)` with
    /// IORING_REGISTER_PROBE.
    static func ringKnows(_ fd: Int32, _ operations: [RingOperation]) throws(Errno) -> Bool {
        let numbers = operations.map(\.rawValue)
        return try retrying(.ringRegister, fd) { unsafe berth_ring_knows(fd, numbers, numbers.count) } == 1
    }

    /// Maps a part of a ring. The corresponding C function is `mmap(2)`.
    static func mapRing(_ fd: Int32, offset: UInt64, size: Int) throws(Errno) -> MappedMemory {
        try unsafe mapping(size) { unsafe berth_ring_map(fd, offset, size) }
    }

    /// Maps memory of this process alone, of zeros. The corresponding C function is `mmap(2)` with MAP_ANONYMOUS.
    package static func mapMemory(size: Int) throws(Errno) -> MappedMemory {
        try unsafe mapping(size) { unsafe berth_ring_map_memory(size) }
    }

    static func mapping(
        _ size: Int, _ body: () -> UnsafeMutableRawPointer?
    ) throws(Errno) -> MappedMemory {
        #if BERTH_FAULTS
        if case .fail(let errno) = SyscallFaults.next(.ringMap, -1) { throw errno }
        #endif
        guard let start = unsafe body() else { throw .current }
        return unsafe MappedMemory(start: start, size: size)
    }
}

/// The owner of mapped memory, which a child process does not inherit: it is unmapped when this value ends.
package struct MappedMemory: ~Copyable, @unchecked Sendable {
    // Unchecked: the pointer is only a place. Whoever reads and writes there sees to who does so when.
    package let start: UnsafeMutableRawPointer
    package let size: Int

    init(start: UnsafeMutableRawPointer, size: Int) {
        unsafe self.start = start
        self.size = size
    }

    deinit { unsafe berth_ring_unmap(start, size) }
}
