import Berth
import BerthSystem
import BerthTesting
import Glibc
import TestSupport
import Testing

#if BERTH_FAULTS
@Suite("A service whose system calls fail", .timeLimit(.minutes(10)))
struct FaultTests {
    /// Those of the table, and those of a listener that is broken.
    private static let acceptErrors =
        FaultInjection.Call.accept.errors + [EBADF, ENOTSOCK, EINVAL, EFAULT].map { Errno(rawValue: $0) }

    @Test(
        "goes on to serve after each error that accept(2) may have, and keeps nothing of it", arguments: TestModels.all)
    func accepting(model: ConcurrencyModel) async throws {
        try await onOwnThread {
            let scene = try FaultScene(model)
            scene.expectService("before")
            scene.expectService("before")
            let before = try scene.figures()
            for errno in Self.acceptErrors {
                try scene.order("fail accept \(errno.rawValue) 3")
                // Of a pool that waits in accept(2), the first to come back meets it.
                try scene.waitUntil("\(errno) is met") {
                    scene.expectService("\(errno)")
                    return try scene.faulted() == 3
                }
                let end = try scene.order("end")
                #expect(end == "3 accept \(errno.name): 3")
                scene.expectService("after \(errno)")
            }
            try scene.expectNothingLeft(since: before)
            let refused = try scene.counts().refused
            #expect(refused == 0)
            try scene.end()
        }
    }

    @Test("sleeps while accepting goes on to fail, and serves who has waited", arguments: TestModels.all)
    func neverAccepting(model: ConcurrencyModel) async throws {
        try await onOwnThread {
            let scene = try FaultScene(model)
            scene.expectService("before")
            for errno in [Errno.tooManyOpenFiles, .outOfMemory, .notPermitted] {
                try scene.order("fail accept \(errno.rawValue) 1000000")
                let clients = Monitor(0)
                for _ in 0..<2 * (model == .threadPool() ? 32 : 1) {
                    clients.change { $0 += 1 }
                    try Thread.start(name: "client") {
                        scene.expectService("\(errno)")
                        clients.change { $0 -= 1 }
                    }
                }
                try scene.waitUntil("\(errno) is met") { try scene.faulted() > 0 }
                try scene.expectQuiet("\(errno)")
                let count = try scene.faulted()
                #expect(count < 200, "\(errno): \(count) calls")
                try scene.order("end")
                let isServed: Bool? = clients.wait(until: .after(.seconds(240))) { $0 == 0 ? true : nil }
                #expect(isServed == true)
            }
            try scene.end()
        }
    }

    @Test("answers what waits in the queue when it ends, also when accepting fails at first", arguments: TestModels.all)
    func draining(model: ConcurrencyModel) async throws {
        try await onOwnThread {
            for errno in [nil, Errno.connectionAborted, .tooManyOpenFiles] {
                let scene = try FaultScene(model)
                scene.expectService("before")
                if let errno { try scene.order("fail accept \(errno.rawValue) 2") }
                scene.program.signal(.stop)
                let clients = try (0..<5).map { _ in
                    let socket = try TCPSocket.connect(to: scene.address, within: .seconds(60))
                    try socket.sendAll("hello")
                    try socket.shutdown(.writing)
                    return SocketStream(socket)
                }
                scene.program.signal(.terminate)
                scene.program.signal(.resume)
                for client in clients {
                    let answer = try client.readToEnd()
                    #expect(answer == Array("hello".utf8), "after \(String(describing: errno))")
                }
                let (end, standard, _) = try scene.program.end()
                #expect(end == .exited(code: 0))
                #expect(standard.hasSuffix("ended []\n"), "\(standard.suffix(200))")
            }
        }
    }

    @Test("goes on where it was after SIGSTOP and SIGCONT: nobody loses a byte", arguments: TestModels.all)
    func stopped(model: ConcurrencyModel) async throws {
        try await onOwnThread {
            let scene = try FaultScene(model)
            scene.expectService("before")
            let body = [UInt8](repeating: 0x61, count: 100_000)
            func connect() throws -> SocketStream {
                SocketStream(try TCPSocket.connect(to: scene.address, within: .seconds(60)))
            }
            let known = try (0..<10).map { _ in try connect() }
            for client in known {
                try client.write("begun")
                let answer = try client.readExactly(5)
                #expect(answer == Array("begun".utf8))
            }
            scene.program.signal(.stop)
            // Those that are there go on to send, and others come: the kernel takes it all.
            let new = try (0..<10).map { _ in try connect() }
            for client in known + new {
                try client.write(body)
                try client.finishSending()
            }
            scene.pause(.milliseconds(300))
            scene.program.signal(.resume)
            for client in known + new {
                let answer = try client.readToEnd()
                #expect(answer == body)
            }
            try scene.end()
        }
    }

    @Test(
        "survives all calls failing at random: each connection has one outcome, and nothing is kept",
        arguments: TestModels.all)
    func storm(model: ConcurrencyModel) async throws {
        try await onOwnThread {
            let scene = try FaultScene(model)
            let message = [UInt8](repeating: 0x61, count: 2_000)
            let peers = FaultyPeer.all(message).filter { if case .neverReads = $0 { false } else { true } }
            // What is opened once and kept is not what is counted.
            try visit(scene, by: peers, rounds: 1)
            try scene.waitUntil("the first have gone") {
                let counts = try scene.counts()
                return counts.accepted == counts.ended
            }
            let before = try scene.figures()
            for seed in 1...2 as ClosedRange<UInt64> {
                try scene.order("storm \(seed) 10")
                try visit(scene, by: peers, rounds: 3)
                let faults = try scene.order("end")
                let count = faults.split(separator: " ").first.flatMap { Int($0) } ?? 0
                #expect(count > 20, "\(faults)")
                for _ in 0..<5 { scene.expectService("after \(faults)") }
            }
            try scene.expectNothingLeft(since: before)
            try scene.expectQuiet("after the storm")
            try scene.end()
        }
    }

    /// Has all of them come at once, several times; each leaves soon.
    private func visit(_ scene: FaultScene, by peers: [FaultyPeer], rounds: Int) throws {
        for _ in 0..<rounds {
            let there = Monitor(peers.count)
            for peer in peers {
                try Thread.start(name: "peer") {
                    _ = peer.visitBlocking(scene.address, within: .milliseconds(300))
                    there.change { $0 -= 1 }
                }
            }
            let haveGone: Bool? = there.wait(until: .after(.seconds(240))) { $0 == 0 ? true : nil }
            #expect(haveGone == true)
        }
    }
}
#endif
