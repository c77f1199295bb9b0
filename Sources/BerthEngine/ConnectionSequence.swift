public import BerthSockets

/// The lines or frames of a connection, one after the other, up to the peer's end.
///
/// Iterating takes from the connection's buffer: two iterators of one connection share it, and what one took the other
/// does not see.
public struct ConnectionSequence<Element>: AsyncSequence {
    public typealias Failure = StreamError

    let read: () throws(StreamError) -> Element?

    public func makeAsyncIterator() -> Iterator { Iterator(read: read) }

    public struct Iterator: AsyncIteratorProtocol {
        let read: () throws(StreamError) -> Element?

        public mutating func next() async throws(StreamError) -> Element? { try read() }

        public mutating func next(isolation actor: isolated (any Actor)?) async throws(StreamError) -> Element? {
            try read()
        }
    }
}
