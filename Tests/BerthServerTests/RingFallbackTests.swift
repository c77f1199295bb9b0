import BerthEngine
import BerthServer
import BerthSockets
import BerthSystem
import TestSupport
import Testing

@testable import BerthServer

@Suite("A service without an io_uring")
struct RingFallbackTests {
    #if BERTH_FAULTS
    @Test("serves by epoll, and says so when it was asked for one")
    func refused() async throws {
        let refusal =
            "epoll takes its place: io_uring_setup failed: the limit of locked memory (ulimit -l) or of the control group is "
            + "reached (ENOMEM)"
        for (io, note) in [(ConcurrencyModel.IOMethod.uring, refusal), (.auto, nil)] {
            let log = EventLog()
            let server = Server(on: loopback, model: .eventLoops(loops: 2, io: io), configuration: .test(log)) {
                connection in
                while let line = try await connection.readLine() { try await connection.write("\(line)!\n") }
            }
            try await onOwnThread {
                let service = try SyscallFaults.onThisThread(.ringSetup, times: .max, .fail(.outOfMemory)) {
                    try server.start()
                }
                let stream = SocketStream(try TCPSocket.connect(to: service.address))
                try stream.write("hello\n")
                #expect(try stream.readLine() == "hello!")
                try stream.finish()
                #expect(service.stop().isClean)
            }
            let notes = log.all.compactMap { if case .listening(_, _, let note) = $0 { note } else { nil } }
            #expect(notes.filter { $0.contains("epoll") } == (note.map { [$0] } ?? []))
        }
    }
    #endif
}
