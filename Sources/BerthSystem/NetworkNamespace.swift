internal import CBerth

/// Network namespaces: interfaces, ports and settings of their own (`man 7 network_namespaces`).
package enum NetworkNamespace {
    /// Moves the calling thread, and the threads it starts from now on, into a new network namespace with its
    /// loopback interface up. Needs CAP_SYS_ADMIN. The corresponding C function is `unshare(2)` with CLONE_NEWNET.
    ///
    /// A thread cannot come back: call it on a thread that ends afterwards.
    package static func enterNew() throws(Errno) {
        if berth_unshare_network() < 0 { throw .current }
        if berth_loopback_up() < 0 { throw .current }
    }

    /// Moves the calling thread into the namespace of a file: `/proc/PID/ns/net`, or one below `/run/netns`. Needs
    /// CAP_SYS_ADMIN. The corresponding C function is `setns(2)` with CLONE_NEWNET.
    ///
    /// Call it on a thread that ends afterwards.
    package static func enter(_ path: String) throws(Errno) {
        let file = try Kernel.open(path)
        if berth_enter_network(file.rawValue) < 0 { throw .current }
    }

    /// A descriptor that keeps the calling thread's network namespace, and by which it is entered again.
    package static func keepCurrent() throws(Errno) -> Descriptor { try Kernel.open("/proc/thread-self/ns/net") }

    /// Moves the calling thread into the namespace that a descriptor keeps. The corresponding C function is `setns(2)`.
    package static func enter(_ kept: borrowing Descriptor) throws(Errno) {
        if berth_enter_network(kept.rawValue) < 0 { throw .current }
    }

    /// The number of the namespace that a file of `/proc/PID/ns` stands for.
    package static func number(of path: String) throws(Errno) -> UInt64 { try Kernel.status(of: path).inode }

    /// The number of the calling thread's own.
    package static func current() throws(Errno) -> UInt64 { try number(of: "/proc/thread-self/ns/net") }
}

extension Kernel {
    /// Runs `body` with files and sockets being opened for another user, on the calling thread alone. Without the right
    /// to, they are still opened for the own user. The corresponding C function is `setfsuid(2)`.
    package static func asFileUser<R: ~Copyable>(_ user: UInt32, _ body: () throws(Errno) -> R) throws(Errno) -> R {
        let before = berth_thread_set_file_user(user)
        defer { _ = berth_thread_set_file_user(UInt32(bitPattern: before)) }
        return try body()
    }

    /// Whether sockets can be opened for `user` on this thread.
    package static func canBeFileUser(_ user: UInt32) -> Bool {
        let before = berth_thread_set_file_user(user)
        // It returns what was there before, also when it failed; an impossible user (-1) changes nothing.
        let now = berth_thread_set_file_user(.max)
        _ = berth_thread_set_file_user(UInt32(bitPattern: before))
        return UInt32(bitPattern: now) == user
    }
}
