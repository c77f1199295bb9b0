internal import CBerth
internal import Glibc

/// What a descriptor is registered for with epoll, and what was found.
package struct EpollEvents: OptionSet, Sendable {
    package let rawValue: UInt32
    @inlinable package init(rawValue: UInt32) { self.rawValue = rawValue }
    @inlinable package static var readable: EpollEvents { EpollEvents(rawValue: 0x001) }
    @inlinable package static var writable: EpollEvents { EpollEvents(rawValue: 0x004) }
    /// An error waits; reported without being asked for.
    @inlinable package static var error: EpollEvents { EpollEvents(rawValue: 0x008) }
    /// Both directions are shut; reported without being asked for.
    @inlinable package static var hangUp: EpollEvents { EpollEvents(rawValue: 0x010) }
    /// The peer sent its FIN (EPOLLRDHUP).
    @inlinable package static var peerFinished: EpollEvents { EpollEvents(rawValue: 0x2000) }
    /// Of several epoll instances that wait for the descriptor, wake one and not all (EPOLLEXCLUSIVE).
    @inlinable package static var exclusive: EpollEvents { EpollEvents(rawValue: 1 << 28) }
    /// Tell of changes only (EPOLLET).
    @inlinable package static var edgeTriggered: EpollEvents { EpollEvents(rawValue: 1 << 31) }
}

/// A set of descriptors that are waited for together. The corresponding C functions are those of `epoll(7)`.
///
/// Closing a descriptor takes it out of the set only when no duplicate of it is open, in a child process for example:
/// tokens must be such that a late event of a descriptor that is gone does no harm.
package struct Epoll: ~Copyable, Sendable {
    /// Readable when a wait would find something; it stays owned by this value.
    package let descriptor: Descriptor

    /// - Throws: `.tooManyOpenFiles` and the like (`man 2 epoll_create1`).
    package init() throws(Errno) {
        descriptor = Descriptor(owning: try Kernel.retrying(.epoll) { berth_epoll_create() })
    }

    /// Adds a descriptor. Its events carry `token`.
    package func add(_ fd: Int32, _ events: EpollEvents, token: UInt64) throws(Errno) {
        try control(Self.add, fd, events, token)
    }

    /// Changes what a descriptor is waited for. Not possible with ``EpollEvents/exclusive``.
    package func modify(_ fd: Int32, _ events: EpollEvents, token: UInt64) throws(Errno) {
        try control(Self.modify, fd, events, token)
    }

    /// Takes a descriptor out.
    package func remove(_ fd: Int32) throws(Errno) {
        // Not by way of the fault layer: what it takes nothing for does not fail for want of something.
        if berth_epoll_control(descriptor.rawValue, Self.remove, fd, 0, 0) < 0 { throw .current }
    }

    // EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD of the kernel's interface.
    private static let (add, remove, modify): (Int32, Int32, Int32) = (1, 2, 3)

    private func control(_ operation: Int32, _ fd: Int32, _ events: EpollEvents, _ token: UInt64) throws(Errno) {
        _ = try Kernel.retrying(.epoll, fd) {
            berth_epoll_control(descriptor.rawValue, operation, fd, events.rawValue, token)
        }
    }

    /// The same as ``add(_:_:token:)`` for one whose owner is elsewhere.
    package static func add(_ fd: Int32, to epoll: Int32, _ events: EpollEvents, token: UInt64) throws(Errno) {
        _ = try Kernel.retrying(.epoll, fd) { berth_epoll_control(epoll, Self.add, fd, events.rawValue, token) }
    }

    /// Whether the fault layer has the wait interrupted, or fail: not where it would not sleep, as in the kernel.
    @inline(__always)
    private static func isFaulted(_ descriptor: Int32) throws(Errno) -> Bool {
        #if BERTH_FAULTS
        if case .fail(let errno) = SyscallFaults.next(.epollWait, descriptor) {
            if errno == .interrupted { return true }
            throw errno
        }
        #endif
        return false
    }

    /// Waits for events and returns how many there are in `events`: 0 when the time passed or a signal came.
    ///
    /// - Parameter timeout: milliseconds; -1 for as long as it takes.
    package func wait(into events: borrowing EpollEventList, timeout: Int32) throws(Errno) -> Int {
        try Self.wait(descriptor.rawValue, into: events, timeout: timeout)
    }

    /// The same for a descriptor whose owner is elsewhere.
    package static func wait(
        _ descriptor: Int32, into events: borrowing EpollEventList, timeout: Int32
    ) throws(Errno) -> Int {
        if timeout != 0, try isFaulted(descriptor) { return 0 }
        let count = unsafe berth_epoll_wait(descriptor, events.memory, Int32(events.capacity), timeout)
        if count >= 0 { return Int(count) }
        let errno = Errno.current
        if errno == .interrupted { return 0 }
        throw errno
    }

    /// The same with a timeout that is as exact as the kernel's timers; see ``Kernel/setTimerSlack(nanoseconds:)``. The
    /// corresponding C function is `epoll_pwait2(2)`, of Linux 5.11.
    package func wait(into events: borrowing EpollEventList, nanoseconds: Int64) throws(Errno) -> Int {
        if nanoseconds > 0, try Self.isFaulted(descriptor.rawValue) { return 0 }
        let count = unsafe berth_epoll_wait_precisely(
            descriptor.rawValue, events.memory, Int32(events.capacity), max(0, nanoseconds))
        if count >= 0 { return Int(count) }
        let errno = Errno.current
        if errno == .interrupted { return 0 }
        throw errno
    }
}

/// Memory for the events that one wait finds.
package struct EpollEventList: ~Copyable {
    package let capacity: Int
    @usableFromInline let memory: UnsafeMutableRawPointer
    // `struct epoll_event` is a mask of four bytes and a token of eight, without a gap on some machines and with one on
    // others; Swift does not import it.
    @usableFromInline let stride: Int

    package init(capacity: Int) {
        self.capacity = capacity
        stride = berth_epoll_entry_size()
        unsafe memory = .allocate(byteCount: capacity * stride, alignment: 8)
    }

    deinit { unsafe memory.deallocate() }

    /// The events of one that the last wait found; `index` must be below the number that it returned.
    @inlinable @inline(__always)
    package func events(_ index: Int) -> UInt32 {
        unsafe memory.loadUnaligned(fromByteOffset: index &* stride, as: UInt32.self)
    }

    /// What it carries.
    @inlinable @inline(__always)
    package func token(_ index: Int) -> UInt64 {
        unsafe memory.loadUnaligned(fromByteOffset: index &* stride &+ (stride &- 8), as: UInt64.self)
    }
}
