internal import CBerth
internal import Glibc

// What event loops send and receive with. An error that is thrown, and the points at which the C library lets a thread be
// cancelled, would cost as much as the rest of a request.
extension Kernel {
    /// Sends some bytes, never waiting: how many, or the errno as a negative number; SIGPIPE is never raised. The
    /// corresponding C function is `send(2)` with MSG_DONTWAIT and MSG_NOSIGNAL.
    @inlinable @inline(__always)
    package static func sendNow(_ fd: Int32, _ bytes: UnsafeRawPointer, _ count: Int) -> Int {
        transferringNow(.send, fd, count) { unsafe berth_send_now(fd, bytes, $0) }
    }

    /// Receives some bytes, never waiting: how many, 0 for the peer's FIN, or the errno as a negative number. The
    /// corresponding C function is `recv(2)` with MSG_DONTWAIT.
    @inlinable @inline(__always)
    package static func receiveNow(_ fd: Int32, _ memory: UnsafeMutableRawPointer, _ count: Int) -> Int {
        transferringNow(.receive, fd, count) { unsafe berth_receive_now(fd, memory, $0) }
    }

    /// Makes a call until it is not interrupted. The fault layer may make it fail or be partial.
    @inline(__always)
    static func transferringNow(
        _ call: Syscall, _ descriptor: Int32, _ count: Int, _ body: (_ count: Int) -> Int
    ) -> Int {
        while true {
            var allowed = count
            #if BERTH_FAULTS
            switch SyscallFaults.next(call, descriptor) {
            case .fail(.interrupted): continue
            case .fail(let errno): return -Int(errno.rawValue)
            case .atMost(let limit): allowed = min(count, limit)
            case nil: break
            }
            #endif
            let result = body(allowed)
            if result != -Int(EINTR) { return result }
        }
    }
}
