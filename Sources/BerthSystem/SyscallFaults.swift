internal import Synchronization

/// The system calls that go through ``Kernel``, as the fault layer names them.
package enum Syscall: String, Sendable, Hashable, CaseIterable {
    case accept, bind, close, connect, duplicate, epoll, eventDescriptor, fileStatus, getOption, listen, localAddress,
        open
    case peerAddress, pipe, poll, read, receive, rename, resolve, ringEnter, ringMap, ringRegister, ringSetup, seek,
        send
    case sendFile, setOption, shutdown, socket
    case spawn, synchronise, truncate, unlink, wait, write
}

/// Makes chosen system calls fail, so that tests can see what happens then.
///
/// A fault belongs to a descriptor or to the calling thread, so that tests which run at the same time do not meet.
/// Debug builds only (`BERTH_FAULTS`); in a release build no call looks here.
package enum SyscallFaults {
    /// What happens instead of the call.
    package enum Effect: Sendable, Equatable {
        /// The call is not made and fails with this error.
        case fail(Errno)
        /// The call is made with at most this many bytes (send, receive, read, write, send file).
        case atMost(Int)
    }

    private struct Rule: Sendable {
        let id: Int
        let call: Syscall
        let descriptor: Int32?
        let thread: Int32?
        let effect: Effect
        var skip: Int
        var times: Int
    }

    // A mutex of the C library, because the thread sanitizer does not understand that of Synchronization.
    private static let rules = Monitor<[Rule]>([])
    private static let lastID = Atomic<Int>(0)
    private static let armed = Atomic<Int>(0)

    /// Faults `call` on `descriptor`: the first `after` calls pass, the next `times` are faulted.
    package static func inject(_ call: Syscall, on descriptor: Int32, after: Int = 0, times: Int = 1, _ effect: Effect)
    {
        add(
            Rule(
                id: newID(), call: call, descriptor: descriptor, thread: nil, effect: effect, skip: after, times: times)
        )
    }

    /// Faults `call` on any descriptor, but only when the calling thread makes it and only during `body`.
    package static func onThisThread<R, E: Error>(
        _ call: Syscall, after: Int = 0, times: Int = 1, _ effect: Effect, during body: () throws(E) -> R
    ) throws(E) -> R {
        let id = newID()
        let thread = Kernel.threadID
        add(Rule(id: id, call: call, descriptor: nil, thread: thread, effect: effect, skip: after, times: times))
        defer { remove { $0.id == id } }
        return try body()
    }

    /// Forgets the faults of a descriptor; closing it does so too.
    package static func clear(descriptor: Int32) {
        if armed.load(ordering: .relaxed) > 0 { remove { $0.descriptor == descriptor } }
    }

    private static func newID() -> Int { lastID.add(1, ordering: .relaxed).newValue }

    private static func add(_ rule: Rule) {
        rules.withLock { $0.append(rule) }
        armed.add(1, ordering: .sequentiallyConsistent)
    }

    private static func remove(_ isGone: (Rule) -> Bool) {
        let removed = rules.withLock { list in
            let before = list.count
            list.removeAll(where: isGone)
            return before - list.count
        }
        armed.subtract(removed, ordering: .sequentiallyConsistent)
    }

    /// What to do with this call; `nil` almost always.
    @inline(__always)
    static func next(_ call: Syscall, _ descriptor: Int32) -> Effect? {
        if armed.load(ordering: .relaxed) == 0 { return nil }
        return find(call, descriptor)
    }

    private static func find(_ call: Syscall, _ descriptor: Int32) -> Effect? {
        let thread = Kernel.threadID
        return rules.withLock { list in
            for index in list.indices {
                let rule = list[index]
                guard rule.call == call, rule.times > 0 else { continue }
                guard rule.descriptor == nil || rule.descriptor == descriptor else { continue }
                guard rule.thread == nil || rule.thread == thread else { continue }
                if rule.skip > 0 {
                    list[index].skip -= 1
                    return nil
                }
                list[index].times -= 1
                return rule.effect
            }
            return nil
        }
    }
}
