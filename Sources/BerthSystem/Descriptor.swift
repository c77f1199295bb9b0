/// The owner of a file descriptor: exactly one value holds it, and closes it when that value ends.
///
/// Every descriptor of Berth is close-on-exec from the system call that makes it, so that a child process inherits
/// none by accident. To hand a descriptor to code outside Berth, ``release()`` it.
public struct Descriptor: ~Copyable, Sendable {
    /// The number, valid as long as this value lives.
    public let rawValue: Int32

    /// Takes ownership of an open descriptor.
    public init(owning rawValue: Int32) { self.rawValue = rawValue }

    deinit {
        // The result is of no use here: on Linux the descriptor is gone whatever close(2) says.
        try? Kernel.close(rawValue)
    }

    /// Closes the descriptor and reports what close(2) says, for example a delayed write error of a file.
    ///
    /// The descriptor is gone even when this throws (`man 2 close`, "Dealing with error returns").
    public consuming func close() throws(Errno) {
        let number = rawValue
        discard self
        try Kernel.close(number)
    }

    /// Gives up ownership: the caller closes the descriptor.
    public consuming func release() -> Int32 {
        let number = rawValue
        discard self
        return number
    }

    /// A second descriptor of the same open file or socket, close-on-exec.
    ///
    /// Both refer to one socket: a FIN is sent by `close` only when the last of them is closed.
    public func duplicate() throws(Errno) -> Descriptor { try Kernel.duplicate(rawValue) }
}
