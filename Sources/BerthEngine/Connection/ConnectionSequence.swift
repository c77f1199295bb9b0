public import BerthSockets

/// The lines or frames of a connection, one after the other, up to the peer's end.
///
/// Iterating takes from the connection's buffer: two iterators of one connection share it, and what one took the other
/// does not see.
public struct ConnectionSequence<Element>: AsyncSequence {
    public typealias Failure = StreamError

    private let connection: Connection
    private let read: (Connection) async throws(StreamError) -> Element?

    init(_ connection: Connection, read: @escaping (Connection) async throws(StreamError) -> Element?) {
        self.connection = connection
        self.read = read
    }

    public func makeAsyncIterator() -> Iterator { Iterator(connection: connection, read: read) }

    public struct Iterator: AsyncIteratorProtocol {
        fileprivate let connection: Connection
        fileprivate let read: (Connection) async throws(StreamError) -> Element?

        public mutating func next() async throws(StreamError) -> Element? { try await read(connection) }

        public mutating func next(isolation actor: isolated (any Actor)?) async throws(StreamError) -> Element? {
            try await read(connection)
        }
    }
}
