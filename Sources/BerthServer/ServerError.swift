public import BerthInspect
public import BerthSockets
internal import BerthSystem

/// Why a server could not start.
public struct ServerError: Error, Sendable {
    /// What failed.
    public let cause: SocketError
    /// What is known about it, where the address could not be bound: who holds it, since when, and what to do.
    public let finding: Finding?

    /// Looks into a failed listen and keeps what was found.
    init(listening cause: SocketError, reuse: ReusePolicy) {
        self.cause = cause
        let explainable: Set<Errno> = [.addressInUse, .addressNotAvailable, .permissionDenied]
        if let errno = cause.errno, explainable.contains(errno), let address = Self.address(of: cause) {
            finding = explainBindFailure(of: address, reuse: reuse, errno: errno)
        } else {
            finding = nil
        }
    }

    /// The same for commands that listen without a server.
    package init(explaining cause: SocketError, reuse: ReusePolicy) { self.init(listening: cause, reuse: reuse) }

    /// A failure that has nothing to do with who holds the address.
    init(serving cause: SocketError) {
        self.cause = cause
        finding = nil
    }

    /// The very address that could not be bound, of those that an endpoint may stand for.
    static func address(of error: SocketError) -> SocketAddress? {
        guard error.operation == .bind || error.operation == .listen, let text = error.address,
            case .address(let address)? = (try? Endpoint(parsing: text))?.target
        else { return nil }
        return address
    }
}

extension ServerError: CustomStringConvertible {
    /// One sentence: what failed and what is known about it.
    public var description: String {
        guard let finding else { return cause.description }
        return "\(cause.description): \(finding.summary)"
    }
}
