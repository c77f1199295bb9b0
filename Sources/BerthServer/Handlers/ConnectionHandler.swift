public import BerthEngine

/// The code of a service for one connection. A new value is made for each connection.
///
/// ```swift
/// struct Chat: ConnectionHandler {
///     let room: Room
///     mutating func handle(_ connection: Connection) async throws {
///         for try await line in connection.lines { await room.post(line) }
///     }
/// }
/// ```
///
/// The three steps run one after the other in one task. When ``handle(_:)`` returns, throws or is cancelled, what was
/// written is flushed and the connection is ended politely, so that no reply is lost.
public protocol ConnectionHandler: SendableMetatype {
    /// Runs first: a greeting, a look at the peer. Does nothing unless you write it.
    mutating func setup(_ connection: Connection) async throws

    /// The conversation, to its end.
    mutating func handle(_ connection: Connection) async throws

    /// Runs last, whatever happened, also when ``setup(_:)`` threw: the place to give back what the others took.
    ///
    /// - Parameter outcome: why the conversation ended. The connection is still open unless the outcome says otherwise,
    ///   and a last word may be written. An error thrown by writing is yours to ignore.
    mutating func finish(_ connection: Connection, _ outcome: Outcome) async
}

extension ConnectionHandler {
    public mutating func setup(_ connection: Connection) async throws {}
    public mutating func finish(_ connection: Connection, _ outcome: Outcome) async {}
}

/// A handler that is only a closure.
public struct ClosureHandler: ConnectionHandler {
    private let body: @Sendable (Connection) async throws -> Void

    public init(_ body: @escaping @Sendable (Connection) async throws -> Void) { self.body = body }

    public mutating func handle(_ connection: Connection) async throws { try await body(connection) }
}
