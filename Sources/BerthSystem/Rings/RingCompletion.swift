/// What came of a request, or of one of the many turns of a multishot request.
package struct RingCompletion: Sendable {
    /// What the request was given.
    package let token: UInt64
    /// What the system call of the same name would have returned, or the negative of its errno.
    package let result: Int32
    @usableFromInline let flags: UInt32

    @inlinable @inline(__always)
    init(token: UInt64, result: Int32, flags: UInt32) {
        self.token = token
        self.result = result
        self.flags = flags
    }

    /// Whether the request goes on. A multishot request that does not has to be made again, whatever its result says.
    @inlinable @inline(__always)
    package var isMoreToCome: Bool { flags & RingInterface.hasMore != 0 }

    /// The buffer that a receive took (``BufferRing``). It is the receiver's until it is given back, also with a result
    /// that says nothing of bytes.
    @inlinable @inline(__always)
    package var bufferID: Int? { flags & RingInterface.hasBuffer != 0 ? Int(flags >> 16) : nil }

    /// Whether the socket had more than was received. False says little: more may have arrived since.
    @inlinable @inline(__always)
    package var leavesMore: Bool { flags & RingInterface.isNonEmpty != 0 }

    /// Why it failed.
    @inlinable @inline(__always)
    package var errno: Errno? { result < 0 ? Errno(rawValue: -result) : nil }
}
