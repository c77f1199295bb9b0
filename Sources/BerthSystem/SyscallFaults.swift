internal import Synchronization

/// The system calls that go through ``Kernel``, as the fault layer names them.
package enum Syscall: String, Sendable, Hashable, CaseIterable {
    case accept, bind, close, connect, duplicate, epoll, epollWait, eventDescriptor, fileStatus, getOption, listen
    case localAddress, open, peerAddress, pipe, poll, read, receive, rename, resolve, ringEnter, ringMap, ringRegister
    case ringSetup, seek, send, sendFile, setOption, shutdown, socket, spawn, synchronise, thread, truncate, unlink
    case wait, write
}

/// Makes chosen system calls fail, so that tests can see what happens then: the nth call, or some of them at random.
///
/// A fault has a place: a descriptor, the sockets of a port, a thread or those of a name. So tests which run at the same
/// time do not meet. A request of an io_uring is faulted when it is made: its completion says so.
/// Debug builds only (`BERTH_FAULTS`); in a release build no call looks here.
package enum SyscallFaults {
    /// What happens instead of the call.
    package enum Effect: Sendable, Hashable {
        /// The call is not made and fails with this error.
        case fail(Errno)
        /// The call is made with at most this many bytes (send, receive, read, write, send file).
        case atMost(Int)
    }

    /// Whose calls are faulted.
    package enum Place: Sendable, Hashable {
        /// Those on this descriptor; closing it ends the fault.
        case descriptor(Int32)
        /// Those of the thread with this id.
        case thread(Int32)
        /// Those of threads whose name begins so.
        case threads(named: String)
        /// Those on sockets whose own port is this: a listener, and the connections that it accepted.
        case port(UInt16)
        /// All of this process.
        case process
    }

    /// Which of the calls.
    package enum Moment: Sendable {
        /// After so many that pass, the next ones.
        case after(Int, times: Int)
        /// One of so many on average, drawn with a seed: the same ones for the same order of calls.
        case random(oneIn: Int, seed: UInt64)
    }

    private struct Rule: Sendable {
        let id: Int
        /// The effects for each call, of which one is drawn.
        let effects: [Syscall: [Effect]]
        let place: Place
        var moment: Moment
        var random: UInt64
        var counts: [Fault: Int] = [:]
    }

    /// What was done to which call.
    package struct Fault: Sendable, Hashable {
        package let call: Syscall
        package let effect: Effect
    }

    // A mutex of the C library, because the thread sanitizer does not understand that of Synchronization.
    private static let rules = Monitor<[Rule]>([])
    private static let lastID = Atomic<Int>(0)
    private static let armed = Atomic<Int>(0)

    // MARK: Arming

    /// Faults calls until it is disarmed.
    ///
    /// - Returns: the number to ``disarm(_:)`` it by.
    package static func arm(_ effects: [Syscall: [Effect]], at place: Place, _ moment: Moment) -> Int {
        let id = lastID.add(1, ordering: .relaxed).newValue
        var seed: UInt64 = 0
        if case .random(_, let given) = moment { seed = given }
        rules.withLock { $0.append(Rule(id: id, effects: effects, place: place, moment: moment, random: seed)) }
        armed.add(1, ordering: .sequentiallyConsistent)
        return id
    }

    /// Ends what ``arm(_:at:_:)`` began.
    package static func disarm(_ id: Int) { remove { $0.id == id } }

    /// What it has done until now.
    package static func counts(of id: Int) -> [Fault: Int] {
        rules.withLock { $0.first { $0.id == id }?.counts ?? [:] }
    }

    /// Faults `call` on `descriptor`: the first `after` calls pass, the next `times` are faulted.
    package static func inject(_ call: Syscall, on descriptor: Int32, after: Int = 0, times: Int = 1, _ effect: Effect)
    {
        _ = arm([call: [effect]], at: .descriptor(descriptor), .after(after, times: times))
    }

    /// Faults `call` on any descriptor, but only when the calling thread makes it and only during `body`.
    package static func onThisThread<R, E: Error>(
        _ call: Syscall, after: Int = 0, times: Int = 1, _ effect: Effect, during body: () throws(E) -> R
    ) throws(E) -> R {
        let id = arm([call: [effect]], at: .thread(Kernel.threadID), .after(after, times: times))
        defer { disarm(id) }
        return try body()
    }

    /// Forgets the faults of a descriptor; closing it does so too.
    package static func clear(descriptor: Int32) {
        if armed.load(ordering: .relaxed) > 0 { remove { $0.place == .descriptor(descriptor) } }
    }

    private static func remove(_ isGone: (Rule) -> Bool) {
        let removed = rules.withLock { list in
            let before = list.count
            list.removeAll(where: isGone)
            return before - list.count
        }
        armed.subtract(removed, ordering: .sequentiallyConsistent)
    }

    // MARK: Striking

    /// What to do with this call; `nil` almost always.
    @inline(__always)
    static func next(_ call: Syscall, _ descriptor: Int32) -> Effect? {
        if armed.load(ordering: .relaxed) == 0 { return nil }
        return find(call, descriptor)
    }

    private static func find(_ call: Syscall, _ descriptor: Int32) -> Effect? {
        rules.withLock { list in
            for index in list.indices {
                guard let effects = list[index].effects[call], !effects.isEmpty else { continue }
                guard holds(list[index].place, descriptor) else { continue }
                let effect: Effect
                switch list[index].moment {
                case .after(let skip, let times):
                    if times <= 0 { continue }
                    if skip > 0 {
                        list[index].moment = .after(skip - 1, times: times)
                        return nil
                    }
                    list[index].moment = .after(0, times: times - 1)
                    effect = effects[0]
                case .random(let count, _):
                    if draw(&list[index].random) % UInt64(max(1, count)) != 0 { continue }
                    effect = effects[Int(draw(&list[index].random) % UInt64(effects.count))]
                }
                list[index].counts[Fault(call: call, effect: effect), default: 0] += 1
                return effect
            }
            return nil
        }
    }

    private static func holds(_ place: Place, _ descriptor: Int32) -> Bool {
        switch place {
        case .descriptor(let number): number == descriptor
        case .thread(let id): id == Kernel.threadID
        case .threads(let name): Thread.currentName.hasPrefix(name)
        case .port(let port): Kernel.unfaultedLocalPort(descriptor) == port
        case .process: true
        }
    }

    /// SplitMix64.
    private static func draw(_ state: inout UInt64) -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
