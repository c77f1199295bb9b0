import Glibc
import TestSupport
import Testing

@testable import BerthSystem

@Suite("Connections of a ring", .enabled(if: hasRings, ringsAreMissing))
struct RingConnectionTests {
    @Test("one accept takes connection after connection, and goes on")
    func accept() async throws {
        try await onThread {
            var ring = try Ring.small()
            let listener = try LoopbackListener()
            ring.acceptMultishot(listener.rawValue, token: 1)
            for _ in 0..<3 {
                let client = try listener.connect()
                let found = try ring.wait(for: 1)
                #expect(found.map(\.token) == [1] && found.allSatisfy(\.isMoreToCome))
                let accepted = Descriptor(owning: try #require(found.first).result)
                #expect(isCloseOnExec(accepted.rawValue))
                #expect(fcntl(accepted.rawValue, F_GETFL) & O_NONBLOCK != 0)
                #expect(
                    try Kernel.peerAddress(accepted.rawValue).load(as: sockaddr_in.self).sin_port
                        == Kernel.localAddress(client.rawValue).load(as: sockaddr_in.self).sin_port)
            }
            #expect(ring.inFlightCount == 1)
        }
    }

    @Test("an accept that fails ends, and says why")
    func acceptFails() async throws {
        try await onThread {
            var ring = try Ring.small()
            let socket = try Kernel.openStreamSocket(family: AF_INET, nonBlocking: false)
            ring.acceptMultishot(socket.rawValue, token: 1)
            let end = try ring.wait(token: 1)
            #expect(end.errno == .invalidArgument && !end.isMoreToCome)
            #expect(ring.inFlightCount == 0)
        }
    }

    @Test("what is sent whole arrives whole, however little the peer takes at once")
    func sendWhole() async throws {
        try await onThread {
            var ring = try Ring.small()
            let pair = try ConnectedPair()
            try Kernel.setOption(pair.near.rawValue, level: SOL_SOCKET, name: SO_SNDBUF, to: Int32(16_384))
            let message = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
            let far = pair.far.rawValue
            let read = Monitor<[UInt8]?>(nil)
            try Thread.start(name: "reader") {
                let bytes = try? readAll(far, 300_000)
                read.change { $0 = bytes ?? [] }
            }
            let end = try message.withUnsafeBytes { bytes in
                ring.send(pair.near.rawValue, bytes, token: 1)
                return try ring.wait(token: 1)
            }
            #expect(end.result == 300_000)
            #expect(read.wait(until: .after(ringTestLimit)) { $0 } == message)
        }
    }

    @Test("a send that need not be whole says how much there was room for")
    func sendSome() async throws {
        try await onThread {
            var ring = try Ring.small()
            let pair = try ConnectedPair()
            try Kernel.setOption(pair.near.rawValue, level: SOL_SOCKET, name: SO_SNDBUF, to: Int32(4096))
            let message = [UInt8](repeating: 3, count: 8_000_000)
            try message.withUnsafeBytes { bytes in
                ring.send(pair.near.rawValue, bytes, whole: false, token: 1)
                let result = try ring.wait(token: 1).result
                #expect(result > 0 && result < 8_000_000)
                #expect(try readAll(pair.far.rawValue, Int(result)).count == result)
            }
        }
    }

    @Test("a send that does not wait is over when it was handed over, room or not")
    func sendWithoutWaiting() async throws {
        try await onThread {
            var ring = try Ring.small()
            let pair = try ConnectedPair()
            let message = [UInt8](repeating: 3, count: 8_000_000)
            var sent = 0
            while true {
                message.withUnsafeBytes { bytes in
                    ring.send(pair.near.rawValue, bytes, whole: false, flags: .doNotWait, token: 1)
                }
                #expect(try ring.submitAndWait(nanoseconds: 0) == 1)
                let next = ring.nextCompletion()
                let end = try #require(next)
                if end.errno == .wouldBlock { break }
                try #require(end.result > 0)
                sent += Int(end.result)
            }
            #expect(try readAll(pair.far.rawValue, sent).count == sent)
        }
    }

    @Test("a send to a peer that is gone fails and raises no signal")
    func sendFails() async throws {
        try await onThread {
            var ring = try Ring.small()
            let pair = try ConnectedPair()
            try Kernel.shutdown(pair.near.rawValue, .writing)
            let message: [UInt8] = [1, 2, 3]
            let end = try message.withUnsafeBytes { bytes in
                ring.send(pair.near.rawValue, bytes, token: 1)
                return try ring.wait(token: 1)
            }
            #expect(end.errno == .brokenPipe)
        }
    }

    @Test("a send that is cancelled half-way says how much was sent")
    func cancelSend() async throws {
        try await onThread {
            var ring = try Ring.small()
            let pair = try ConnectedPair()
            let message = [UInt8](repeating: 3, count: 16_000_000)
            let end = try message.withUnsafeBytes { bytes in
                ring.send(pair.near.rawValue, bytes, token: 1)
                #expect(try ring.submitAndWait(nanoseconds: 0) == 0)
                ring.cancel(token: 1, token: 9)
                return try ring.wait(token: 1)
            }
            #expect(end.result > 0 && end.result < 16_000_000)
            #expect(try readAll(pair.far.rawValue, Int(end.result)).count == end.result)
        }
    }

    @Test("requests with the cancelled token end, others go on")
    func cancelByToken() async throws {
        try await onThread {
            var ring = try Ring.small()
            let one = try ConnectedPair()
            let other = try ConnectedPair()
            ring.poll(one.near.rawValue, .readable, token: 1)
            ring.poll(other.near.rawValue, .readable, token: 2)
            ring.cancel(token: 1, token: 9)
            let found = try ring.wait(for: 2)
            #expect(Set(found.map(\.token)) == [1, 9])
            #expect(found.first { $0.token == 1 }?.errno == .cancelled)
            #expect(found.first { $0.token == 9 }?.result == 1)
            try sendBytes([1], on: other.far.rawValue)
            #expect(try ring.wait(for: 1).map(\.token) == [2])
            ring.cancel(token: 1, token: 9)
            #expect(try ring.wait(for: 1).first?.result == 0, "there is none any more")
        }
    }

    @Test("all requests of a cancelled descriptor end, those of others go on")
    func cancelByDescriptor() async throws {
        try await onThread {
            var ring = try Ring.small()
            let one = try ConnectedPair()
            let other = try ConnectedPair()
            let buffers = try BufferRing(ring, group: 1, count: 4, size: 64)
            ring.receiveMultishot(one.near.rawValue, group: 1, token: 1)
            ring.pollMultishot(one.near.rawValue, .peerFinished, token: 2)
            ring.receiveMultishot(other.near.rawValue, group: 1, token: 3)
            ring.cancel(descriptor: one.near.rawValue, token: 9)
            let found = try ring.wait(for: 3)
            #expect(Set(found.map(\.token)) == [1, 2, 9])
            #expect(found.filter { $0.token != 9 }.allSatisfy { $0.errno == .cancelled && !$0.isMoreToCome })
            #expect(found.first { $0.token == 9 }?.result == 2)
            try sendBytes([7], on: other.far.rawValue)
            let received = try ring.wait(for: 1)
            #expect(received.map(\.token) == [3] && received.map { buffers.bytes($0) } == [[7]])
            #expect(ring.cancelAll(until: .after(ringTestLimit), token: 9) { _ in } == 0)
        }
    }

    @Test("after all was cancelled nothing is in flight, and the port is free at once")
    func cancelAll() async throws {
        try await onThread {
            var address: RawSocketAddress?
            do {
                var ring = try Ring.small()
                let listener = try LoopbackListener()
                address = listener.address
                let pair = try ConnectedPair()
                let buffers = try BufferRing(ring, group: 1, count: 4, size: 64)
                ring.acceptMultishot(listener.rawValue, token: 1)
                ring.receiveMultishot(pair.near.rawValue, group: 1, token: 2)
                _ = try ring.submitAndWait(nanoseconds: 0)
                // One that nobody has handed over yet.
                ring.pollMultishot(pair.near.rawValue, .peerFinished, token: 3)
                var ended: Set<UInt64> = []
                let left = ring.cancelAll(until: .after(ringTestLimit), token: 9) { completion in
                    if completion.token != 9 { #expect(completion.errno == .cancelled) }
                    ended.insert(completion.token)
                }
                #expect(left == 0 && ring.inFlightCount == 0)
                #expect(ended == [1, 2, 3, 9])
                try buffers.remove(from: ring)
            }
            _ = try LoopbackListener(at: address)
        }
    }

    @Test("a half is shut and a descriptor closed as by the calls of the same names")
    func shutdownAndClose() async throws {
        try await onThread {
            var ring = try Ring.small()
            let pair = try ConnectedPair()
            let far = pair.far.rawValue
            ring.shutdown(pair.near.rawValue, .writing, token: 1)
            #expect(try ring.wait(token: 1).result == 0)
            #expect(try readBytes(far).isEmpty)
            try sendBytes([1], on: far)
            #expect(try readBytes(pair.near.rawValue) == [1])
            ring.shutdown(pair.near.rawValue, .both, token: 2)
            #expect(try ring.wait(token: 2).result == 0)

            let (reading, writing): (Int32, Int32)
            do {
                let pipe = try Kernel.pipe()
                (reading, writing) = (try pipe.reading.duplicate().release(), try pipe.writing.duplicate().release())
            }
            let pipeEnd = Descriptor(owning: reading)
            ring.close(Descriptor(owning: writing), token: 3)
            #expect(try ring.wait(token: 3).result == 0)
            #expect(try readBytes(pipeEnd.rawValue).isEmpty, "the last writer is gone")
        }
    }
}
