public import BerthSystem

/// Makes system calls that Berth makes fail, for as long as this value is there: the nth one, or some of them at random.
///
/// ```swift
/// let faults = FaultInjection(.accept, fails: .tooManyOpenFiles, at: .port(port), times: 3)
/// …                                    // the next three accepts fail with EMFILE
/// #expect(faults.count == 3)
/// faults.end()
/// ```
///
/// The call is not made, except that `close` closes. Requests of an io_uring are faulted as well: their completions say so.
/// In debug builds only: what tests are run on. A release build has no trace of it, and ``isAvailable`` says so.
public final class FaultInjection: Sendable {
    /// A system call, or a group of calls that fail alike.
    public enum Call: String, Sendable, Hashable, CaseIterable {
        case accept, receive, send, connect, socket, shutdown, close, duplicate, open
        /// setsockopt(2) and fcntl(2); getsockopt(2) and ioctl(2); getsockname(2); getpeername(2).
        case setOption, getOption, localAddress, peerAddress
        /// epoll_create1(2) and epoll_ctl(2); epoll_wait(2); poll(2); eventfd(2).
        case epoll, epollWait, poll, eventDescriptor
        /// io_uring_enter(2).
        case ringEnter
        /// pthread_create(3).
        case thread
    }

    /// What happens in place of the call.
    public enum Effect: Sendable, Hashable {
        /// It fails with this error.
        case fails(Errno)
        /// It moves this many bytes at most (`send`, `receive`; of an io_uring only `send`).
        case movesAtMost(Int)
    }

    /// Whose calls are concerned.
    public enum Place: Sendable, Hashable {
        /// Those on this descriptor, until it is closed.
        case descriptor(Int32)
        /// Those on sockets whose own port is this: a listener and the connections that it accepted.
        case port(UInt16)
        /// Those of threads whose name begins so: `berth-loop`, `berth-pool`, `berth-accept`, `berth-conn`, `berth-stop`.
        case threads(named: String)
        /// All of this process.
        case process
    }

    /// Whether calls can be made to fail in this build.
    public static var isAvailable: Bool {
        #if BERTH_FAULTS
        true
        #else
        false
        #endif
    }

    private let ending: @Sendable () -> Void
    private let counting: @Sendable () -> [String: Int]

    /// Faults chosen calls.
    ///
    /// - Parameters:
    ///   - call: which.
    ///   - effect: what happens to them.
    ///   - place: whose. A descriptor or a port where tests run at the same time; calls without a descriptor (`socket`,
    ///     `open`, `poll`, `thread`) are only found by a thread's name or in the whole process.
    ///   - after: how many pass first. Default none.
    ///   - times: how many are faulted then. Default one.
    public convenience init(_ call: Call, _ effect: Effect, at place: Place, after: Int = 0, times: Int = 1) {
        #if BERTH_FAULTS
        self.init([call.syscall: [effect.effect]], place, .after(after, times: times))
        #else
        self.init()
        #endif
    }

    /// Faults calls at random: each with one of the errors that it may have (``Call/errors``), sends also in part. Not
    /// receives: one that brings less than there is room for says that there is no more (`man 7 epoll`, question 9), which
    /// the kernel keeps to and event loops rely on.
    ///
    /// - Parameters:
    ///   - seed: the same one faults the same calls, as far as their order is the same.
    ///   - count: one of so many calls, on average.
    ///   - calls: default all.
    ///   - place: as in ``init(_:_:at:after:times:)``.
    public convenience init(seed: UInt64, oneIn count: Int, calls: [Call] = Call.allCases, at place: Place) {
        #if BERTH_FAULTS
        var effects: [Syscall: [SyscallFaults.Effect]] = [:]
        for call in calls {
            effects[call.syscall] = call.errors.map { .fail($0) }
            if call == .send { effects[call.syscall, default: []] += [1, 7, 1000].map { .atMost($0) } }
        }
        self.init(effects, place, .random(oneIn: count, seed: seed))
        #else
        self.init()
        #endif
    }

    #if BERTH_FAULTS
    private init(
        _ effects: [Syscall: [SyscallFaults.Effect]], _ place: Place, _ moment: SyscallFaults.Moment
    ) {
        let id = SyscallFaults.arm(effects, at: place.place, moment)
        // The counts outlive the end.
        let last = Monitor<[String: Int]?>(nil)
        let counts: @Sendable () -> [String: Int] = {
            var counts: [String: Int] = [:]
            for (fault, count) in SyscallFaults.counts(of: id) { counts["\(fault)"] = count }
            return counts
        }
        ending = {
            last.withLock { last in
                guard last == nil else { return }
                last = counts()
                SyscallFaults.disarm(id)
            }
        }
        counting = { last.withLock { $0 ?? counts() } }
    }
    #else
    private init() {
        ending = {}
        counting = { [:] }
    }
    #endif

    deinit { ending() }

    /// Ends it. From then on all calls pass.
    public func end() { ending() }

    /// How many calls were faulted.
    public var count: Int { counts.values.reduce(0, +) }

    /// The same by what was done: `accept EMFILE`, `send of 7 bytes`.
    public var counts: [String: Int] { counting() }
}

#if BERTH_FAULTS
extension SyscallFaults.Fault: CustomStringConvertible {
    public var description: String {
        switch effect {
        case .fail(let errno): "\(call.rawValue) \(errno.name)"
        case .atMost(let count): "\(call.rawValue) of \(count) bytes"
        }
    }
}

extension FaultInjection.Call {
    var syscall: Syscall {
        switch self {
        case .accept: .accept
        case .receive: .receive
        case .send: .send
        case .connect: .connect
        case .socket: .socket
        case .shutdown: .shutdown
        case .close: .close
        case .duplicate: .duplicate
        case .open: .open
        case .setOption: .setOption
        case .getOption: .getOption
        case .localAddress: .localAddress
        case .peerAddress: .peerAddress
        case .epoll: .epoll
        case .epollWait: .epollWait
        case .poll: .poll
        case .eventDescriptor: .eventDescriptor
        case .ringEnter: .ringEnter
        case .thread: .thread
        }
    }
}

extension FaultInjection.Effect {
    fileprivate var effect: SyscallFaults.Effect {
        switch self {
        case .fails(let errno): .fail(errno)
        case .movesAtMost(let count): .atMost(count)
        }
    }
}

extension FaultInjection.Place {
    fileprivate var place: SyscallFaults.Place {
        switch self {
        case .descriptor(let number): .descriptor(number)
        case .port(let port): .port(port)
        case .threads(let name): .threads(named: name)
        case .process: .process
        }
    }
}
#endif
