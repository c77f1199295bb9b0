internal import BerthSockets
internal import BerthSystem

extension AcceptRecovery {
    /// Accepts one connection; `nil` when there is none, or when accepting failed and a pause is due.
    func takeOne(from listener: borrowing TCPListener) -> TCPSocket? {
        do throws(SocketError) {
            prepare()
            let socket = try listener.tryAccept()
            succeeded()
            return socket
        } catch {
            return failed(error, on: listener) { () throws(SocketError) in try listener.tryAccept() }
        }
    }

    /// Takes the connections that the kernel has accepted when the service begins to drain: a closed listener would
    /// reset them.
    func takeRest(
        of listener: borrowing TCPListener, until deadline: Deadline, start: (consuming TCPSocket) -> Void
    ) {
        succeeded()
        let isWaitingForRoom = core.isWaitingForRoom
        // The queue held no more than this, and is served in order: who comes later may come for ever.
        for _ in 0...listener.backlog.effective {
            if isWaitingForRoom { _ = core.table.waitForRoom(until: deadline) }
            while true {
                if let socket = takeOne(from: listener) {
                    start(socket)
                    break
                }
                // Nothing is left, or there is no descriptor until another connection ends.
                guard let pauseEnd, !deadline.hasPassed, !core.table.isHurried else { return }
                var nothing: [PollEntry] = []
                _ = try? Kernel.poll(&nothing, until: Deadline(time: pauseEnd).earlier(of: deadline))
            }
        }
    }
}
