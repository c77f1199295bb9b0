internal import BerthSystem

/// Looks up host names in a bounded time, though getaddrinfo(3) blocks for as long as its configuration makes it.
///
/// Each lookup runs on a thread of its own. A lookup that is given up at its deadline goes on there until the C
/// library returns; at most ``limit`` lookups run at a time, so that a dead name server cannot use up the threads. A
/// lookup beyond the limit waits for its turn, within its deadline.
enum Resolver {
    enum Failure: Error, Sendable, Hashable {
        case notFound(ResolutionFailure)
        /// Nothing had come back by the deadline.
        case timedOut
        /// No thread could be started.
        case noThread(Errno)
    }

    /// How many lookups may run at a time, those that were given up included.
    static let limit = 16

    private static let running = Monitor(0)
    private typealias Outcome = Result<[SocketAddress], ResolutionFailure>

    /// The stream addresses of `host`, in the order of the resolver and without repetitions.
    ///
    /// - Parameter lookUp: replaces getaddrinfo(3) in tests.
    static func addresses(
        of host: String, family: AddressFamily, deadline: Deadline,
        lookUp: @escaping @Sendable (String, AddressFamily) throws(ResolutionFailure) -> [SocketAddress] = systemLookUp
    ) throws(Failure) -> [SocketAddress] {
        guard running.wait(until: deadline, { $0 < limit ? { $0 += 1 }(&$0) : nil }) != nil else { throw .timedOut }
        let answer = Monitor<Outcome?>(nil)
        do {
            try Thread.start(name: "berth-resolve") {
                let outcome = Outcome { () throws(ResolutionFailure) in try lookUp(host, family) }
                running.change { $0 -= 1 }
                answer.change { $0 = outcome }
            }
        } catch {
            running.change { $0 -= 1 }
            throw .noThread(error)
        }
        guard let outcome = answer.wait(until: deadline, { $0 }) else { throw .timedOut }
        do { return try outcome.get() } catch { throw .notFound(error) }
    }

    static func systemLookUp(_ host: String, _ family: AddressFamily) throws(ResolutionFailure) -> [SocketAddress] {
        var seen: Set<SocketAddress> = []
        // The port is put in afterwards: the service of getaddrinfo would only be parsed and copied.
        return try Kernel.addresses(ofHost: host, service: nil, family: family.number)
            .map { SocketAddress($0) }.filter { seen.insert($0).inserted }
    }
}
