internal import BerthSockets
internal import BerthSystem

// The parts of a connect that block, and what they wait on.
extension ConnectPlan {
    /// The addresses to be tried. Names are looked up on a thread of its own; a lookup that nobody waits for any more ends
    /// by itself.
    func resolveElsewhere() async throws(StreamError) -> [SocketAddress] {
        let result: Result<[SocketAddress], SocketError>
        if needsLookup {
            result = try await elsewhere { () throws(SocketError) in try resolve() }
        } else {
            result = Result { () throws(SocketError) in try resolve() }
        }
        do throws(SocketError) { return try result.get() } catch { throw .socket(error) }
    }

    /// Connects to a Unix socket, at once or on a thread of its own.
    func connectUnixElsewhere(to address: SocketAddress) async throws(StreamError) -> TCPSocket {
        do throws(SocketError) {
            if let socket = try tryConnectUnix(to: address) { return socket }
        } catch { throw .socket(error) }
        let result = try await elsewhere { () throws(SocketError) in SocketBox(try connectUnix(to: address)) }
        return try Self.take(result)
    }

    private static func take(_ result: Result<SocketBox, SocketError>) throws(StreamError) -> TCPSocket {
        let box: SocketBox
        do throws(SocketError) { box = try result.get() } catch { throw .socket(error) }
        guard let socket = box.take() else { throw .ended }
        return socket
    }

    /// Does something on a thread of its own.
    private func elsewhere<R: Sendable>(
        _ body: @escaping @Sendable () throws(SocketError) -> R
    ) async throws(StreamError) -> Result<R, SocketError> {
        let answer = Answer<Result<R, SocketError>>()
        do throws(Errno) {
            try Thread.start(name: "berth-connect") {
                answer.give(Result { () throws(SocketError) in try body() })
            }
        } catch {
            throw .socket(SocketError(.connect, address: endpoint.description, errno: error))
        }
        guard let result = await answer.value else { throw .cancelled }
        return result
    }

    /// Connects by blocking the calling thread, which is that of one handler.
    func connectOnThisThread() async throws(StreamError) -> TCPSocket {
        if Task.isCancelled { throw .cancelled }
        let addresses = try await resolveElsewhere()
        if let address = unixAddress { return try await connectUnixElsewhere(to: address) }
        let box: SocketBox?
        do throws(SocketError) { box = try await raceOnThisThread(addresses).get() } catch { throw .socket(error) }
        guard let socket = box?.take() else { throw .cancelled }
        return socket
    }

    /// `nil` when the task was cancelled.
    private func raceOnThisThread(_ addresses: [SocketAddress]) async -> Result<SocketBox?, SocketError> {
        let signal: CancelSignal
        do throws(Errno) { signal = try CancelSignal() } catch {
            return .failure(SocketError(.open, address: endpoint.description, errno: error))
        }
        return await withTaskCancellationHandler {
            Result { () throws(SocketError) in
                var race = race(addresses)
                guard let socket = try race.run(interruptedBy: signal.wakeUp.descriptor.rawValue) else { return nil }
                try socket.setNonBlocking(false)
                return SocketBox(socket)
            }
        } onCancel: {
            signal.wakeUp.signal()
        }
    }

    /// A descriptor that gets readable when a task is cancelled.
    private final class CancelSignal: Sendable {
        let wakeUp: WakeUp
        init() throws(Errno) { wakeUp = try WakeUp() }
    }
}

/// Carries a socket out of where values that cannot be copied cannot go. When nobody takes it, it is closed.
final class SocketBox: Sendable {
    private let socket: Monitor<TCPSocket?>
    init(_ socket: consuming TCPSocket) { self.socket = Monitor(socket) }
    func take() -> TCPSocket? { socket.withLock { $0.take() } }
}

/// What another thread finds out for a task that suspends, until it is there or the task is cancelled.
final class Answer<Value: Sendable>: Sendable {
    private enum State {
        case nobodyAsked
        case asked(CheckedContinuation<Value?, Never>)
        case given(Value?)
    }

    private let state = Monitor(State.nobodyAsked)

    /// Gives the answer, unless one was given.
    func give(_ value: Value?) {
        let asker: CheckedContinuation<Value?, Never>? = state.withLock { state in
            switch state {
            case .given: return nil
            case .nobodyAsked:
                state = .given(value)
                return nil
            case .asked(let asker):
                state = .given(value)
                return asker
            }
        }
        asker?.resume(returning: value)
    }

    /// The answer; `nil` when the task is cancelled first. To be asked for once.
    var value: Value? {
        get async {
            await withTaskCancellationHandler {
                await withCheckedContinuation { asker in
                    let given: Value?? = state.withLock { state in
                        if case .given(let value) = state { return value }
                        state = .asked(asker)
                        return nil
                    }
                    if let given { asker.resume(returning: given) }
                }
            } onCancel: {
                give(nil)
            }
        }
    }
}
