package import BerthSockets
internal import BerthSystem

/// The listening sockets of a service, opened before any worker and closed when the last one has gone.
package final class Berths: Sendable {
    /// One of them. A class, since an array cannot hold listeners.
    private final class Berth: Sendable {
        let listener: TCPListener
        let name: String

        init(_ listener: consuming TCPListener, name: String) {
            self.listener = listener
            self.name = name
        }
    }

    private let all: [Berth]

    /// Where clients connect to: the real port.
    package let address: SocketAddress
    /// The length of the accept queue of each, and a sentence when it is shorter than was asked for.
    package let backlog: Backlog

    private init(_ all: [Berth], _ address: SocketAddress, _ backlog: Backlog) {
        self.all = all
        self.address = address
        self.backlog = backlog
    }

    /// Opens the berths of a service.
    ///
    /// - Parameter count: how many; more than one make a SO_REUSEPORT group.
    /// - Throws: what `TCPListener.listen` throws. Also for a group an address where something listens is taken, though
    ///   the kernel would let a second group of the same user join without a word.
    package static func open(
        on endpoint: Endpoint, layout: HarbourLayout, count: Int, reuse: ReusePolicy, backlog: Int?,
        options: SocketOptions
    ) throws(SocketError) -> Berths {
        guard layout == .each else {
            let listener = try TCPListener.listen(on: endpoint, reuse: reuse, backlog: backlog, options: options)
            let (address, length) = (listener.address, listener.backlog)
            return Berths([Berth(listener, name: "berth-0")], address, length)
        }
        let first = try TCPListener.listen(
            on: endpoint, reuse: .shared, backlog: backlog, options: options, isFirstOfGroup: true)
        let (address, length) = (first.address, first.backlog)
        guard address.isIP else {
            throw SocketError(
                .listen, address: address.description, detail: "a Unix socket has no SO_REUSEPORT group",
                hint: "process-pool shares one berth")
        }
        var all = [Berth(first, name: "berth-0")]
        for number in 1..<max(1, count) {
            let next = try TCPListener.listen(
                on: Endpoint(address), reuse: .shared, backlog: backlog, options: options)
            all.append(Berth(next, name: "berth-\(number)"))
        }
        return Berths(all, address, length)
    }

    /// Takes over the listening sockets that were handed to this process.
    package static func inherited(_ environment: ListenEnvironment) throws(SocketError) -> Berths {
        var all: [Berth] = []
        var address: SocketAddress?
        var backlog: Backlog?
        for (index, descriptor) in environment.descriptors.enumerated() {
            let listener: TCPListener
            do { listener = try TCPListener.inherited(Descriptor(owning: descriptor)) } catch {
                throw ListenEnvironment.mistake(descriptor, error)
            }
            address = address ?? listener.address
            backlog = backlog ?? listener.backlog
            all.append(Berth(listener, name: environment.names?[index] ?? "berth-\(index)"))
        }
        guard let address, let backlog else { throw ListenEnvironment.mistake("there are none") }
        return Berths(all, address, backlog)
    }

    /// Whether this process has made the file of a Unix socket among them, or has taken it over.
    var ownFiles: Bool { all.contains { $0.listener.ownsFile } }

    /// Leaves the files of Unix sockets to another harbour that has the berths as well.
    func keepFiles() { for berth in all { berth.listener.keepFile() } }

    /// Removes the files of Unix sockets in the end, which a harbour leaves to this one.
    func takeFiles() { for berth in all { berth.listener.takeFile() } }

    package var count: Int { all.count }
    var descriptors: [Int32] { all.map { $0.listener.fileDescriptor } }
    var names: [String] { all.map(\.name) }

    /// The address of each, which differ when they were handed over.
    var addresses: [SocketAddress] { all.map { $0.listener.address } }

    /// How many connections wait at each; 0 where the kernel does not tell.
    var queues: [AcceptQueue] {
        all.map { (try? $0.listener.acceptQueue) ?? AcceptQueue(waiting: 0, limit: $0.listener.backlog.effective) }
    }
}
