import Glibc

/// A TCP client that costs as little as can be: five system calls for a session.
struct RawClient: ~Copyable {
    private let descriptor: Int32

    /// How long a call may take: far more than a server under any load needs.
    private static let patience = timeval(tv_sec: 30, tv_usec: 0)

    init?(port: UInt16, host: UInt8) {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        if descriptor < 0 { return nil }
        var one: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
        var patience = Self.patience
        let size = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, size)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, size)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = (0x7F00_0000 | UInt32(host)).bigEndian
        let result = withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        if result < 0 {
            // An interrupted connect goes on by itself (POSIX).
            guard errno == EINTR else { return nil }
            var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            while poll(&entry, 1, 30_000) < 0, errno == EINTR {}
            var (code, length): (Int32, socklen_t) = (0, 4)
            getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &length)
            if entry.revents == 0 || code != 0 { return nil }
        }
    }

    deinit { close(descriptor) }

    func send(_ bytes: ArraySlice<UInt8>) {
        // What the server does about it is seen when the answer is read.
        _ = bytes.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
    }

    func finishSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    consuming func reset() {
        var value = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &value, socklen_t(MemoryLayout<linger>.size))
    }

    /// Everything up to the server's end, and the errno of a reset or a time-out; 0 for a clean end.
    func readToEnd() -> (bytes: [UInt8], errno: Int32) {
        var all: [UInt8] = []
        while true {
            let (count, bytes, code) = withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { memory in
                let count = recv(descriptor, memory.baseAddress, memory.count, 0)
                return (count, count > 0 ? Array(memory[..<count]) : [], count < 0 ? errno : 0)
            }
            if count < 0, code == EINTR { continue }
            if count <= 0 { return (all, code) }
            all += bytes
        }
    }
}
