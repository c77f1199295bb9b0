internal import CBerth
internal import Glibc

/// What to wait for on a descriptor, and what was found.
package struct Readiness: OptionSet, Sendable {
    package let rawValue: Int16
    package init(rawValue: Int16) { self.rawValue = rawValue }
    package static let readable = Readiness(rawValue: Int16(POLLIN))
    package static let writable = Readiness(rawValue: Int16(POLLOUT))
    /// The peer sent its FIN (POLLRDHUP); has to be asked for.
    package static let peerFinished = Readiness(rawValue: Int16(BERTH_POLLRDHUP))
    /// An error waits on the descriptor; reported without being asked for.
    package static let error = Readiness(rawValue: Int16(POLLERR))
    /// Both directions are shut; reported without being asked for.
    package static let hangUp = Readiness(rawValue: Int16(POLLHUP))
    /// The descriptor is not open; reported without being asked for.
    package static let invalid = Readiness(rawValue: Int16(POLLNVAL))
}

/// One descriptor of a ``Kernel/poll(_:until:)``.
package struct PollEntry: Sendable {
    package var descriptor: Int32
    package var wanted: Readiness
    package var found: Readiness = []

    package init(_ descriptor: Int32, _ wanted: Readiness) {
        self.descriptor = descriptor
        self.wanted = wanted
    }
}

extension Kernel {
    /// Waits until one of `entries` is ready or the deadline passes, and returns how many are. The corresponding C
    /// function is `poll(2)`.
    package static func poll(_ entries: inout [PollEntry], until deadline: Deadline) throws(Errno) -> Int {
        var raw = entries.map { pollfd(fd: $0.descriptor, events: $0.wanted.rawValue, revents: 0) }
        // The remaining time is computed again after an interruption, and when it was more than poll(2) can wait.
        var count: Int32
        repeat {
            count = try retrying(.poll) { unsafe Glibc.poll(&raw, nfds_t(raw.count), deadline.pollTimeout) }
        } while count == 0 && !deadline.hasPassed
        for index in entries.indices { entries[index].found = Readiness(rawValue: raw[index].revents) }
        return Int(count)
    }

    /// Waits until one descriptor is ready; empty when the deadline passed first.
    package static func wait(
        for wanted: Readiness, on fd: Int32, until deadline: Deadline
    ) throws(Errno) -> Readiness {
        var entry = pollfd(fd: fd, events: wanted.rawValue, revents: 0)
        var count: Int32
        repeat {
            count = try retrying(.poll, fd) { unsafe Glibc.poll(&entry, 1, deadline.pollTimeout) }
        } while count == 0 && !deadline.hasPassed
        return count == 0 ? [] : Readiness(rawValue: entry.revents)
    }
}

/// A descriptor that one thread makes readable to wake another one that polls it. The corresponding C function is
/// `eventfd(2)`.
package struct WakeUp: ~Copyable, Sendable {
    package let descriptor: Descriptor

    package init() throws(Errno) {
        let flags = BERTH_EFD_CLOEXEC | BERTH_EFD_NONBLOCK
        descriptor = Descriptor(owning: try Kernel.retrying(.eventDescriptor) { berth_eventfd(0, flags) })
    }

    /// Makes it readable; further signals before it is cleared have no effect.
    package func signal() { Self.signal(descriptor.rawValue) }

    /// The same by the number of its descriptor, for closures that cannot hold the value itself.
    package static func signal(_ descriptor: Int32) {
        let one: UInt64 = 1
        // Fails only when the counter is full, and then it is readable already.
        _ = unsafe withUnsafeBytes(of: one) { (bytes) in try? unsafe Kernel.write(descriptor, bytes) }
    }

    /// Makes it unreadable.
    package func clear() {
        var count: UInt64 = 0
        // Fails only when it is clear already.
        _ = unsafe withUnsafeMutableBytes(of: &count) { try? unsafe Kernel.read(descriptor.rawValue, into: $0) }
    }
}
