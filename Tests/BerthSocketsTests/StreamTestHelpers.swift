import BerthFraming
import BerthSystem
import TestSupport

@testable import BerthSockets

/// The two ends of one TCP connection on the loopback interface.
struct Pair: ~Copyable {
    let client: TCPSocket
    let server: TCPSocket

    /// - Parameter buffers: SO_SNDBUF of the server and SO_RCVBUF of the client, for peers that shall not swallow much.
    init(buffers: ByteCount? = nil) throws {
        var options = SocketOptions.default
        options.sendBuffer = buffers
        let listener = try TCPListener.listen(on: "127.0.0.1:0", options: options)
        options.sendBuffer = nil
        options.receiveBuffer = buffers
        let connected = try TCPSocket.connect(to: listener.address, options: options)
        let accepted = try listener.accept()
        client = connected
        server = accepted
    }
}

/// A thread with a socket of its own, and what it comes to.
final class Peer<R: Sendable>: Sendable {
    private let outcome = Monitor<Result<R, any Error>?>(nil)

    init(_ socket: consuming TCPSocket, _ body: @escaping @Sendable (consuming TCPSocket) throws -> R) throws {
        let address = socket.peer
        let number = socket.detach().release()
        try Thread.start(name: "peer") { [outcome] in
            let result = Result { try body(TCPSocket(descriptor: Descriptor(owning: number), peer: address)) }
            outcome.change { $0 = result }
        }
    }

    /// Waits until the thread has ended.
    func result() throws -> R {
        guard let result = outcome.wait(until: .after(.seconds(240)), { $0 }) else { throw PeerStuck() }
        return try result.get()
    }

    struct PeerStuck: Error {}
}

/// Lets `time` pass: for peers whose slowness is what is tested, never to wait for something.
func pace(_ time: Duration) {
    let nothing = Monitor(())
    let _: Void? = nothing.wait(until: .after(time)) { _ in nil }
}

/// Bytes of which each stretch of 8 KiB is different, so that one that is lost or twice is seen.
func pattern(_ count: Int) -> [UInt8] {
    var state: UInt32 = 2_463_534_242
    let block = (0..<8191).map { _ in
        state ^= state << 13
        state ^= state >> 17
        state ^= state << 5
        return UInt8(truncatingIfNeeded: state >> 8)
    }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count + block.count + 4)
    while bytes.count < count {
        let number = UInt32(bytes.count)
        bytes += [UInt8(truncatingIfNeeded: number >> 24), UInt8(truncatingIfNeeded: number >> 16)]
        bytes += [UInt8(truncatingIfNeeded: number >> 8), UInt8(truncatingIfNeeded: number)]
        bytes += block
    }
    return Array(bytes.prefix(count))
}

extension TCPSocket {
    /// Everything up to the peer's end, or up to its reset.
    func readAll(pausing pause: Duration? = nil, upTo piece: Int = 65_536) -> (bytes: [UInt8], failure: SocketError?) {
        var queue = ByteQueue()
        while true {
            do throws(SocketError) {
                if try receive(into: &queue, upTo: piece, within: .seconds(60)) == 0 {
                    return (queue.withUnsafeBytes { Array($0) }, nil)
                }
            } catch { return (queue.withUnsafeBytes { Array($0) }, error) }
            if let pause { pace(pause) }
        }
    }

    /// Waits until the kernel has seen the end of the connection: an RST, or a FIN in each direction.
    func waitForHangUp() throws {
        let found = try Kernel.wait(for: [], on: fileDescriptor, until: .after(.seconds(240)))
        if found.isEmpty { throw SocketError(.receive, detail: "the connection did not end") }
    }

    /// Waits until `count` bytes, or a FIN, have arrived and wait to be read.
    func waitForInput() throws {
        _ = try Kernel.wait(for: .readable, on: fileDescriptor, until: .after(.seconds(240)))
    }
}

/// How long `body` took.
func duration(of body: () throws -> Void) rethrows -> Duration {
    let start = MonotonicTime.now
    try body()
    return MonotonicTime.now.duration(since: start)
}

/// The error of `body`, which must throw a ``SocketError``.
func socketError(_ body: () throws(SocketError) -> Void) -> SocketError? {
    do { try body() } catch { return error }
    return nil
}

/// The error of `body`, which must throw a ``StreamError``.
func streamError(_ body: () throws -> Void) -> StreamError? {
    do { try body() } catch { return error as? StreamError }
    return nil
}

extension StreamError {
    var socketError: SocketError? { if case .socket(let error) = self { error } else { nil } }
    var framingError: FramingError? { if case .framing(let error) = self { error } else { nil } }
}

/// An open file without a name that holds `bytes`.
func temporaryFile(_ bytes: [UInt8]) throws -> Descriptor {
    let path = "/tmp/berth-file-\(MonotonicTime.now.nanoseconds)-\(Kernel.threadID)"
    let file = try Kernel.open(path, [.readWrite, .create, .exclusive], mode: 0o600)
    try Kernel.unlink(path)
    try bytes.withUnsafeBytes { try Kernel.writeAll(file.rawValue, $0) }
    return file
}

extension SocketStream {
    func detachAndClose() throws(StreamError) {
        let detached = try detach()
        detached.takeSocket().close()
    }
}
