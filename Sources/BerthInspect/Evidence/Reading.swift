public import BerthSystem

/// Something that was looked at: what was found, or why it is not known.
///
/// Not knowing is an answer of its own: an explanation that hides what it could not see would be wrong.
public enum Reading<Value: Sendable>: Sendable {
    case known(Value)
    case unknown(Unknown)

    /// The value, where it is known.
    public var value: Value? {
        if case .known(let value) = self { value } else { nil }
    }

    /// Why it is not known, where it is not.
    public var gap: Unknown? {
        if case .unknown(let gap) = self { gap } else { nil }
    }
}

extension Reading: Equatable where Value: Equatable {}
extension Reading: Hashable where Value: Hashable {}

/// Why something about the machine is not known.
public enum Unknown: Sendable, Hashable {
    /// It belongs to a process of another user, and this process may not look into it.
    case notPermitted
    /// No process holds the socket any more: the kernel ends the connection by itself.
    case heldByKernel
    /// Some process holds it, but none that can be seen from here: it is in another PID namespace, or it ended
    /// while this was looked at.
    case notVisible
    /// It was not asked for, because the answer does not need it.
    case notLookedAt
    /// The kernel refused to tell.
    case failed(Errno)
    /// What the kernel told could not be read.
    case unreadable

    init(_ errno: Errno) {
        self =
            switch errno {
            case .notPermitted, .permissionDenied: .notPermitted
            case .noSuchProcess, .noSuchFile, .badDescriptor: .notVisible
            default: .failed(errno)
            }
    }
}

extension Unknown: CustomStringConvertible {
    public var description: String {
        switch self {
        case .notPermitted: "no permission"
        case .heldByKernel: "no process holds it any more"
        case .notVisible: "its process is in another PID namespace or has just ended"
        case .notLookedAt: "not looked at"
        case .failed(let errno): "\(errno)"
        case .unreadable: "the kernel's answer could not be read"
        }
    }
}
