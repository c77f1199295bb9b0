public import BerthFraming
public import BerthSockets

/// Connects, calls `body` with the connection, and ends it: a client for as long as a scope.
///
/// ```swift
/// let answer = try await withConnection(to: "example.org:7", framing: .lines) { connection in
///     try await connection.writeFrame("hello")
///     return try await connection.readFrame()?.text()
/// }
/// ```
///
/// When `body` returns, the connection is ended politely, as by ``Connection/finish(within:discarding:)``: everything that
/// was written is sent, or an error is thrown. When `body` throws, or was cancelled, it is ended with an RST, as by
/// ``Connection/abort()``: the server must not take what was cut in the middle for the whole. A connection that `body` has
/// ended itself is left as it is.
///
/// The parameters are those of ``Connection/connect(to:framing:within:from:options:)-(Endpoint,_,_,_,_)``.
///
/// - Returns: what `body` returned.
/// - Throws: `StreamError` when no connection could be made, or when not everything could be sent at its end; what `body`
///   throws.
public func withConnection<R>(
    to endpoint: Endpoint, framing: Framing = .raw, within time: Duration? = .seconds(30),
    from local: SocketAddress? = nil, options: SocketOptions = .default, _ body: (Connection) async throws -> R
) async throws -> R {
    let connection = try await Connection.connect(
        to: endpoint, framing: framing, within: time, from: local, options: options)
    let result: R
    do { result = try await body(connection) } catch {
        if connection.endedBy == nil { connection.abort() }
        throw error
    }
    if connection.endedBy == nil { try await connection.finish() }
    return result
}

/// The same for one address.
public func withConnection<R>(
    to address: SocketAddress, framing: Framing = .raw, within time: Duration? = .seconds(30),
    from local: SocketAddress? = nil, options: SocketOptions = .default, _ body: (Connection) async throws -> R
) async throws -> R {
    try await withConnection(
        to: Endpoint(address), framing: framing, within: time, from: local, options: options, body)
}
