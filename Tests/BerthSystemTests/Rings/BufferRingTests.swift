import TestSupport
import Testing

@testable import BerthSystem

@Suite("Buffers of a ring", .enabled(if: hasRings, ringsAreMissing))
struct BufferRingTests {
    @Test("one receive gives what arrives, each time in a buffer, until the peer's end")
    func receive() async throws {
        try await onThread {
            var ring = try Ring.small()
            var buffers = try BufferRing(ring, group: 3, count: 4, size: 64)
            let pair = try ConnectedPair()
            ring.receiveMultishot(pair.near.rawValue, group: 3, token: 1)
            // More often than there are buffers.
            for number in 0..<20 as Range<UInt8> {
                try sendBytes([number, 1, 2], on: pair.far.rawValue)
                let found = try ring.wait(for: 1)
                #expect(found.map { buffers.bytes($0) } == [[number, 1, 2]] && found.allSatisfy(\.isMoreToCome))
                buffers.giveBack(try #require(found.first?.bufferID))
                buffers.publish()
            }
            try Kernel.shutdown(pair.far.rawValue, .writing)
            let end = try ring.wait(token: 1)
            #expect(end.result == 0 && !end.isMoreToCome)
            #expect(end.bufferID == nil)
        }
    }

    @Test("a receive that finds no buffer ends without losing a byte, and goes on when made again")
    func runOut() async throws {
        try await onThread {
            var ring = try Ring.small()
            var buffers = try BufferRing(ring, group: 1, count: 2, size: 4)
            let pair = try ConnectedPair()
            try sendBytes(Array(0..<20), on: pair.far.rawValue)
            var bytes: [UInt8] = []
            var endings = 0
            while bytes.count < 20 {
                ring.receiveMultishot(pair.near.rawValue, group: 1, token: 1)
                var taken: [Int] = []
                while true {
                    let completion = try ring.wait(token: 1)
                    bytes += buffers.bytes(completion)
                    if let id = completion.bufferID { taken.append(id) }
                    if completion.isMoreToCome { if bytes.count < 20 { continue } else { break } }
                    #expect(completion.errno == .noBufferSpace)
                    endings += 1
                    break
                }
                #expect(taken.count == (bytes.count == 20 ? 1 : 2))
                for id in taken { buffers.giveBack(id) }
                buffers.publish()
            }
            #expect(bytes == Array(0..<20))
            #expect(endings == 2)
            #expect(ring.cancelAll(until: .after(ringTestLimit), token: 9) { _ in } == 0)
        }
    }

    @Test("buffers that were given back are used again only when published")
    func published() async throws {
        try await onThread {
            var ring = try Ring.small()
            var buffers = try BufferRing(ring, group: 1, count: 1, size: 4)
            let pair = try ConnectedPair()
            try sendBytes(Array(0..<8), on: pair.far.rawValue)
            ring.receive(pair.near.rawValue, group: 1, token: 1)
            let first = try ring.wait(token: 1)
            #expect(buffers.bytes(first) == [0, 1, 2, 3] && !first.isMoreToCome)
            buffers.giveBack(try #require(first.bufferID))
            ring.receive(pair.near.rawValue, group: 1, token: 2)
            #expect(try ring.wait(token: 2).errno == .noBufferSpace)
            buffers.publish()
            ring.receive(pair.near.rawValue, group: 1, token: 3)
            #expect(buffers.bytes(try ring.wait(token: 3)) == [4, 5, 6, 7])
        }
    }

    @Test("a receive that waits holds no buffer")
    func waiting() async throws {
        try await onThread {
            var ring = try Ring.small()
            let buffers = try BufferRing(ring, group: 1, count: 1, size: 8)
            let idle = try ConnectedPair()
            let busy = try ConnectedPair()
            ring.receive(idle.near.rawValue, group: 1, waitsFirst: true, token: 1)
            ring.receive(busy.near.rawValue, group: 1, waitsFirst: true, token: 2)
            _ = try ring.submitAndWait(nanoseconds: 0)
            try sendBytes([5], on: busy.far.rawValue)
            let found = try ring.wait(for: 1)
            #expect(found.map(\.token) == [2] && found.map { buffers.bytes($0) } == [[5]])
            #expect(ring.cancelAll(until: .after(ringTestLimit), token: 9) { _ in } == 0)
        }
    }

    @Test("a bundle is read buffer by buffer, in the order of the ring")
    func bundle() async throws {
        try await onThread {
            var ring = try Ring.small()
            guard ring.hasBundles else { return }
            var buffers = try BufferRing(ring, group: 1, count: 8, size: 4)
            let pair = try ConnectedPair()
            // So that the order is no longer that of the numbers.
            for id in [1, 0] {
                try sendBytes([UInt8(id)], on: pair.far.rawValue)
                ring.receive(pair.near.rawValue, group: 1, token: 1)
                _ = try ring.wait(token: 1)
            }
            for id in [1, 0] { buffers.giveBack(id) }
            buffers.publish()
            let sent: [UInt8] = Array(0..<30)
            try sendBytes(sent, on: pair.far.rawValue)
            ring.receiveMultishot(pair.near.rawValue, group: 1, bundled: true, token: 2)
            var bytes: [UInt8] = []
            while bytes.count < 30 {
                let completion = try ring.wait(token: 2)
                var rest = Int(completion.result)
                var id = try #require(completion.bufferID)
                while rest > 0 {
                    bytes += buffers.buffer(id)[..<min(rest, 4)]
                    rest -= 4
                    if rest > 0 { id = buffers.follower(of: id) }
                }
            }
            #expect(bytes == sent)
            #expect(ring.cancelAll(until: .after(ringTestLimit), token: 9) { _ in } == 0)
        }
    }

    @Test("a receive into memory of the receiver's own needs no buffer")
    func ownMemory() async throws {
        try await onThread {
            var ring = try Ring.small()
            let pair = try ConnectedPair()
            var memory = [UInt8](repeating: 0, count: 8)
            try memory.withUnsafeMutableBytes { bytes in
                ring.receive(pair.near.rawValue, into: bytes, token: 1)
                _ = try ring.submitAndWait(nanoseconds: 0)
                try sendBytes([4, 5], on: pair.far.rawValue)
                #expect(try ring.wait(token: 1).result == 2)
            }
            #expect(memory.prefix(3) == [4, 5, 0])
        }
    }

    @Test("a group is a ring's once, and free again when its buffers were taken from it")
    func groups() async throws {
        try await onThread {
            let ring = try Ring.small()
            let buffers = try BufferRing(ring, group: 1, count: 4, size: 16)
            do throws(RingError) {
                _ = try BufferRing(ring, group: 1, count: 4, size: 16)
                Issue.record("the group was registered twice")
            } catch {
                #expect(
                    error.description
                        == "io_uring_register of a buffer ring failed: the file exists already (EEXIST)")
            }
            try buffers.remove(from: ring)
            _ = try BufferRing(ring, group: 1, count: 8, size: 16)
        }
    }
}
