internal import CBerth

/// Private network namespaces: a loopback interface and a port space of one's own (`man 7 network_namespaces`).
package enum NetworkNamespace {
    /// Moves the calling thread, and the threads it starts from now on, into a new network namespace with its
    /// loopback interface up. Needs CAP_SYS_ADMIN. The corresponding C function is `unshare(2)` with CLONE_NEWNET.
    ///
    /// A thread cannot come back: call it on a thread that ends afterwards.
    package static func enterNew() throws(Errno) {
        if berth_unshare_network() < 0 { throw .current }
        if berth_loopback_up() < 0 { throw .current }
    }
}
