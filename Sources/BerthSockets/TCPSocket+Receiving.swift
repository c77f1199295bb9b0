public import BerthFraming
package import BerthSystem

extension TCPSocket {
    /// Receives some bytes behind those that wait in `queue`, and returns how many; 0 is the peer's FIN.
    ///
    /// - Parameters:
    ///   - limit: the most bytes to take; at least one, since none would look like a FIN.
    ///   - deadline: until when to wait for the first byte. Default: never give up. Without a deadline this is one
    ///     system call; with one it is up to three.
    /// - Throws: ``SocketError``; ``SocketError/isDeadline`` when the deadline passed.
    @discardableResult
    public func receive(
        into queue: inout ByteQueue, upTo limit: Int = 16_384, within time: Duration? = nil
    ) throws(SocketError) -> Int {
        let limit = max(1, limit)
        let deadline = Deadline.after(time)
        return try queue.fill(room: limit) { (memory) throws(SocketError) in
            let target = unsafe UnsafeMutableRawBufferPointer(rebasing: memory[..<limit])
            return try unsafe receive(into: target, until: deadline, within: time)
        }
    }

    /// Receives at least one and at most `limit` bytes; empty is the peer's FIN. As Python's `recv`.
    public func receive(upTo limit: Int = 16_384, within time: Duration? = nil) throws(SocketError) -> [UInt8] {
        var queue = ByteQueue()
        try receive(into: &queue, upTo: limit, within: time)
        return queue.bytes.withUnsafeBytes { unsafe Array($0) }
    }

    /// Receives without waiting: `nil` when nothing has arrived, 0 for the peer's FIN.
    public func tryReceive(into queue: inout ByteQueue, upTo limit: Int = 16_384) throws(SocketError) -> Int? {
        let limit = max(1, limit)
        do throws(Errno) {
            return try queue.fill(room: limit) { (memory) throws(Errno) in
                let target = unsafe UnsafeMutableRawBufferPointer(rebasing: memory[..<limit])
                return try unsafe Kernel.receive(fileDescriptor, into: target, flags: .doNotWait)
            }
        } catch {
            if error == .wouldBlock { return nil }
            throw SocketError(.receive, address: peer.description, errno: error)
        }
    }

    /// Receives into memory, waiting until `deadline`; `time` is only for the error.
    package func receive(
        into memory: UnsafeMutableRawBufferPointer, until deadline: Deadline, within time: Duration?
    ) throws(SocketError) -> Int {
        let flags: Kernel.TransferFlags = deadline == .never ? [] : .doNotWait
        while true {
            do throws(Errno) {
                return try unsafe Kernel.receive(fileDescriptor, into: memory, flags: flags)
            } catch {
                guard error == .wouldBlock else {
                    throw SocketError(.receive, address: peer.description, errno: error)
                }
            }
            // Nothing there yet: a non-blocking socket, or one with a deadline.
            let found: Readiness
            do throws(Errno) { found = try Kernel.wait(for: .readable, on: fileDescriptor, until: deadline) } catch {
                throw SocketError(.receive, address: peer.description, errno: error)
            }
            if found.isEmpty {
                throw .deadline(
                    .receive, address: peer.description, nothingHappened: "byte from the peer", within: time)
            }
        }
    }
}
