import Berth
import BerthSystem
import TestSupport
import Testing

@Suite("Cancelling a client", .timeLimit(.minutes(5)))
struct ClientCancellationTests {
    /// Without the kernel's patience of 30 s: on a busy machine it may take longer to come to the cancelling.
    private static let patient: SocketOptions = {
        var options = SocketOptions.default
        options.userTimeout = nil
        return options
    }()

    private func isCancelled(_ error: (any Error)?) -> Bool {
        if case .cancelled? = error as? StreamError { return true }
        return false
    }

    @Test("ends its wait for the server", arguments: ClientPlace.all)
    func reading(place: ClientPlace) async throws {
        let isConnected = Monitor(false)
        try await withServer(on: loopback, configuration: .test()) { connection in
            _ = try? await connection.read()
        } operation: { server in
            let address = server.address
            let error = try await place.cancelling(once: isConnected) {
                let client = try await Connection.connect(to: address)
                isConnected.change { $0 = true }
                _ = try await client.read()
            }
            #expect(isCancelled(error))
        }
    }

    @Test("ends its wait for room, and every later wait", arguments: ClientPlace.all)
    func writing(place: ClientPlace) async throws {
        let isConnected = Monitor(false)
        let release = Monitor(false)
        try await withServer(on: loopback, configuration: .test()) { connection in
            while !release.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(1)) }
        } operation: { server in
            let address = server.address
            let second = Monitor<(any Error)?>(nil)
            let error = try await place.cancelling(once: isConnected) {
                let client = try await Connection.connect(to: address, options: Self.patient)
                client.stallLimit = nil
                isConnected.change { $0 = true }
                do { try await client.write([UInt8](repeating: 0, count: 64 << 20)) } catch {
                    do { _ = try await client.read() } catch { second.change { $0 = error } }
                    throw error
                }
            }
            release.change { $0 = true }
            #expect(isCancelled(error))
            #expect(isCancelled(second.withLock { $0 }))
        }
    }

    @Test("ends its connecting", arguments: ClientPlace.all)
    func connecting(place: ClientPlace) async throws {
        let silent = try SilentPort()
        let address = silent.address
        let isConnecting = Monitor(false)
        let error = try await place.cancelling(once: isConnecting) {
            isConnecting.change { $0 = true }
            _ = try await Connection.connect(to: address, within: .seconds(1000), options: Self.patient)
        }
        #expect(isCancelled(error))
        _ = consume silent
    }

    @Test("ends its wait in the queue of a Unix socket", arguments: ClientPlace.all)
    func connectingUnix(place: ClientPlace) async throws {
        let silent = try SilentPort(
            on: Endpoint(.abstract(name: Array("berth-cancel-\(MonotonicTime.now.nanoseconds)".utf8))))
        let address = silent.address
        let isConnecting = Monitor(false)
        let error = try await place.cancelling(once: isConnecting) {
            isConnecting.change { $0 = true }
            _ = try await Connection.connect(to: address, within: .seconds(120))
        }
        #expect(isCancelled(error))
        _ = consume silent
    }

    @Test("resets what withConnection was doing", arguments: ClientPlace.all)
    func scope(place: ClientPlace) async throws {
        let log = EventLog()
        let isConnected = Monitor(false)
        try await withServer(on: loopback, configuration: .test(log)) { connection in
            _ = try await connection.readToEnd()
        } operation: { server in
            let address = server.address
            let error = try await place.cancelling(once: isConnected) {
                try await withConnection(to: address) { connection in
                    try await connection.write("half of a")
                    try await connection.flush()
                    isConnected.change { $0 = true }
                    _ = try await connection.read()
                }
            }
            #expect(isCancelled(error))
            let outcomes = try await onOwnThread { log.outcomes().map(\.kind) }
            #expect(outcomes == [.peerReset])
        }
    }

    @Test("delivers what was written when its body returns all the same", arguments: ClientPlace.all)
    func delivered(place: ClientPlace) async throws {
        let isConnected = Monitor(false)
        let got = Monitor<[UInt8]?>(nil)
        try await withServer(on: loopback, configuration: .test()) { connection in
            let all = try await connection.readToEnd()
            got.change { $0 = all }
        } operation: { server in
            let address = server.address
            let error = try await place.cancelling(once: isConnected) {
                try await withConnection(to: address) { connection in
                    isConnected.change { $0 = true }
                    while !Task.isCancelled { try? await Task.sleep(for: .milliseconds(1)) }
                    try await connection.write("the last word")
                }
            }
            #expect(error == nil)
            let all = try await onOwnThread { got.wait(until: .after(.seconds(240))) { $0 } }
            #expect(all == Array("the last word".utf8))
        }
    }
}
