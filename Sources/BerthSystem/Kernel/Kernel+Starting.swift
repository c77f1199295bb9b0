internal import CBerth
internal import Glibc

extension Kernel {
    /// Starts a program that inherits the descriptors `inherited` as 3, 4, …, and of the others only 0, 1 and 2.
    ///
    /// Signals are at their defaults and unblocked in the child. The corresponding C functions are `vfork(2)` and
    /// `execvpe(3)`; that the program cannot be executed is an error of this call.
    ///
    /// - Parameters:
    ///   - program: a path, or a name that is looked up in PATH.
    ///   - arguments: the whole argument vector, the program's name first.
    ///   - environment: `NAME=value` texts.
    ///   - pidVariable: the name of a variable that holds the child's process id.
    ///   - ownGroup: whether it leads a process group of its own, so that a terminal's ^C does not reach it.
    ///   - deathSignal: is sent to the child when the calling thread ends (`man 2 PR_SET_PDEATHSIG`).
    package static func start(
        _ program: String, arguments: [String], environment: [String], pidVariable: String, inherited: [Int32],
        deathSignal: Signal? = nil, ownGroup: Bool = true
    ) throws(Errno) -> Int32 {
        #if BERTH_FAULTS
        if case .fail(let errno) = SyscallFaults.next(.spawn, -1) { throw errno }
        #endif
        // Above all targets, so that no source is overwritten before it is copied. A class, since an array cannot hold
        // owners of descriptors.
        var sources: [Int32] = []
        defer { for source in sources { try? close(source) } }
        for descriptor in inherited {
            sources.append(try duplicate(descriptor, lowest: 3 + Int32(inherited.count)).release())
        }
        let prefix = "\(pidVariable)="
        let texts = environment.filter { !$0.hasPrefix(prefix) } + ["\(prefix)0000000000"]
        let pid = unsafe withCStrings(arguments) { arguments in
            unsafe withCStrings(texts) { environment in
                unsafe sources.withUnsafeBufferPointer { sources in
                    unsafe program.withCString { program in
                        // The last of the texts is there, and is that of the process id.
                        let digits = unsafe environment[texts.count - 1].map { unsafe $0 + prefix.utf8.count }
                        var start = unsafe berth_start(
                            program: program, arguments: arguments, environment: environment, pid_digits: digits,
                            fds: sources.baseAddress, fd_count: Int32(sources.count), own_group: ownGroup ? 1 : 0,
                            death_signal: deathSignal?.rawValue ?? 0)
                        return unsafe berth_start_inheriting(&start)
                    }
                }
            }
        }
        if pid < 0 { throw .current }
        return pid
    }

    /// How a child ended, if it has; `nil` when it has not. The corresponding C function is `waitpid(2)` with WNOHANG.
    package static func endIfEnded(of pid: Int32) throws(Errno) -> ProcessEnd? { try anyEnd(of: pid)?.end }

    /// A child that has ended, of all there are; `nil` when there is none. For a process that inherits orphans.
    package static func anyEnd() throws(Errno) -> (pid: Int32, end: ProcessEnd)? { try anyEnd(of: -1) }

    private static func anyEnd(of pid: Int32) throws(Errno) -> (pid: Int32, end: ProcessEnd)? {
        var status: Int32 = 0
        let found = try retrying(.wait) { unsafe waitpid(pid, &status, WNOHANG) }
        return found == 0 ? nil : (found, ProcessEnd(status: status))
    }

    /// Two sockets that are connected with each other and keep the bounds of messages, non-blocking. The corresponding C
    /// function is `socketpair(2)` with SOCK_SEQPACKET.
    package static func messagePair() throws(Errno) -> Pipe {
        var ends: [Int32] = [-1, -1]
        let type = Int32(SOCK_SEQPACKET.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        _ = try retrying(.socket) { unsafe socketpair(AF_UNIX, type, 0, &ends) }
        return Pipe(reading: Descriptor(owning: ends[0]), writing: Descriptor(owning: ends[1]))
    }

    /// A socket for datagrams of the Unix domain, non-blocking. The corresponding C function is `socket(2)`.
    package static func openUnixDatagramSocket() throws(Errno) -> Descriptor {
        let type = Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        return Descriptor(owning: try retrying(.socket) { socket(AF_UNIX, type, 0) })
    }

    /// Sends a datagram. The corresponding C function is `sendto(2)`.
    package static func send(_ fd: Int32, _ text: String, to address: RawSocketAddress) throws(Errno) {
        let bytes = Array(text.utf8)
        _ = try transferring(.send, fd, bytes.count) { count in
            unsafe bytes.withUnsafeBytes { bytes in
                unsafe address.withPointer { address, length in
                    unsafe sendto(fd, bytes.baseAddress, count, Int32(MSG_NOSIGNAL), address, length)
                }
            }
        }
    }

    /// The process and the user at the other end of a Unix socket, as they were when it connected. The corresponding C
    /// function is `getsockopt(2)` with SO_PEERCRED.
    package static func peerCredentials(_ fd: Int32) throws(Errno) -> (pid: Int32, user: UInt32) {
        var pid: pid_t = 0
        var user: uid_t = 0
        _ = try retrying(.getOption, fd) { unsafe berth_peer_credentials(fd, &pid, &user) }
        return (pid, user)
    }

    /// Sets who may use a file. The corresponding C function is `chmod(2)`.
    package static func setMode(of path: String, to mode: UInt32) throws(Errno) {
        _ = try retrying(.open) { unsafe chmod(path, mode) }
    }

    /// Makes a directory. The corresponding C function is `mkdir(2)`.
    package static func makeDirectory(_ path: String, mode: UInt32) throws(Errno) {
        _ = try retrying(.open) { unsafe mkdir(path, mode) }
    }

    /// The value of a variable of the environment. The corresponding C function is `getenv(3)`.
    package static func environmentVariable(_ name: String) -> String? {
        guard let value = unsafe getenv(name) else { return nil }
        return unsafe String(cString: value)
    }
}

extension ProcessEnd {
    /// The macros WIFSIGNALED and friends are not imported: the low seven bits are the signal, 0 for an exit.
    init(status: Int32) {
        let signal = status & 0x7f
        self = signal == 0 ? .exited(code: (status >> 8) & 0xff) : .signalled(signal)
    }
}

extension ProcessEnd: CustomStringConvertible {
    /// For example `exited with 1`, `was ended by SIGKILL`.
    package var description: String {
        switch self {
        case .exited(let code): "exited with \(code)"
        case .signalled(let number): "was ended by \(Signal(rawValue: number).name)"
        }
    }
}
