/// Whether this process can use rings, as Berth needs them.
package enum RingSupport: Sendable, Hashable {
    /// Multishot accepts and receives into buffer rings, DEFER_TASKRUN, cancelling by token and descriptor, waits with a
    /// time: all is there.
    case available
    /// One sentence on why not.
    case unavailable(String)

    package var isAvailable: Bool { self == .available }

    /// What ``look()`` found when it was first asked.
    package static func probe() -> RingSupport { found }

    private static let found = look()

    /// Makes a small ring and tries it. Takes some 0.1 ms.
    ///
    /// DEFER_TASKRUN, which a ring is not made without, is the youngest of what is needed (Linux 6.1; multishot receives
    /// are of 6.0, buffer rings and multishot accepts of 5.19). The operations are asked for all the same, and each of the
    /// three system calls is made: a sandbox may know or allow only some.
    package static func look() -> RingSupport {
        do throws(RingError) {
            var ring = try Ring(capacity: 4, completions: 8)
            try check(&ring)
            return .available
        } catch { return .unavailable("\(error)") }
    }

    private static func check(_ ring: inout Ring) throws(RingError) {
        if try !RingError.asking(
            .probe, { () throws(Errno) in try Kernel.ringKnows(ring.descriptor.rawValue, RingOperation.allCases) })
        {
            throw RingError(.feature, .notSupported, lacking: "one of the operations that a server needs")
        }
        let buffers = try BufferRing(ring, group: 0, count: 1, size: 1)
        ring.nothing(token: 0)
        let count = try RingError.asking(.enter) { () throws(Errno) in
            try ring.submitAndWait(atLeast: 1, nanoseconds: 60_000_000_000)
        }
        while ring.nextCompletion() != nil {}
        do throws(Errno) { try buffers.remove(from: ring) } catch { throw RingError(asking: .registerBuffers, error) }
        if count == 0 { throw RingError(.enter, .timedOut) }
    }
}
