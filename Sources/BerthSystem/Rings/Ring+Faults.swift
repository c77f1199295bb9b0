internal import CBerth

#if BERTH_FAULTS
// Requests that the fault layer makes fail, or be partial. Debug builds only.
extension Ring {
    /// Whether the request is not made, and one that does nothing in its place: its completion gets the error's number.
    @usableFromInline
    mutating func isFaulted(
        _ operation: RingOperation, _ fd: Int32, _ length: inout UInt32, _ token: UInt64
    ) -> Bool {
        let call: Syscall
        switch operation {
        case .accept: call = .accept
        case .receive: call = .receive
        case .send: call = .send
        case .shutdown: call = .shutdown
        case .nothing, .pollAdd, .cancel, .close, .messageRing: return false
        }
        switch SyscallFaults.next(call, fd) {
        case .fail(let errno):
            failures[token] = -errno.rawValue
            nothing(token: token)
            return true
        // A receive has the length of its buffer, which the kernel chooses.
        case .atMost(let limit):
            if operation == .send { length = min(length, UInt32(clamping: limit)) }
            return false
        case nil: return false
        }
    }

    /// What a completion says, once the fault layer has had its word.
    @usableFromInline
    mutating func faulted(_ completion: RingCompletion) -> RingCompletion {
        guard !failures.isEmpty, let result = failures.removeValue(forKey: completion.token) else { return completion }
        return RingCompletion(token: completion.token, result: result, flags: completion.flags)
    }
}
#endif
