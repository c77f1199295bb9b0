internal import BerthInspect
internal import BerthSockets
internal import BerthSystem

/// Listens, and explains it when that fails. Waits for a moment where the address is held by a server that is dead already:
/// the kernel may close the listener of a killed process with an io_uring some milliseconds after its end.
func listen<Opened: ~Copyable>(
    reuse: ReusePolicy, _ open: () throws(SocketError) -> Opened
) throws(ServerError) -> Opened {
    let patience = Deadline.after(.milliseconds(500))
    while true {
        let failure: SocketError
        do throws(SocketError) { return try open() } catch { failure = error }
        guard failure.errno == .addressInUse, !patience.hasPassed, let address = ServerError.address(of: failure),
            isListenedOnByNobody(address, reuse: reuse)
        else { throw ServerError(listening: failure, reuse: reuse) }
        var nothing: [PollEntry] = []
        _ = try? Kernel.poll(&nothing, until: .after(.milliseconds(5)))
    }
}
