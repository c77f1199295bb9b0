import BerthSockets
import BerthSystem
import TestSupport
import Testing

@Suite("berth connect")
struct ConnectCommandTests {
    @Test("half-closes at the end of its input and still gets the answer")
    func halfClose() async throws {
        try await onOwnThread {
            let listener = try TCPListener.listen(on: "127.0.0.1:0")
            let client = try Program.berth("connect", listener.address.description)
            client.write("question")
            client.closeInput()
            let stream = SocketStream(try listener.accept())
            #expect(try stream.readToEnd() == Array("question".utf8))
            try stream.write("answer")
            try stream.finish()
            let result = try client.end()
            #expect(result.end == .exited(code: 0))
            #expect(result.standard == "answer")
            #expect(result.error.contains("the peer finished (FIN); sent 8 bytes, received 6 bytes"))
        }
    }

    @Test("says that the peer reset the connection, and ends with 1")
    func reset() async throws {
        try await onOwnThread {
            let listener = try TCPListener.listen(on: "127.0.0.1:0")
            let client = try Program.berth("connect", listener.address.description)
            let socket = try listener.accept()
            client.write("x")
            #expect(try socket.receive() == Array("x".utf8))
            socket.abort()
            _ = client.line(containing: "RST")
            let result = try client.end()
            #expect(result.end == .exited(code: 1))
            #expect(result.error.contains("the peer reset the connection (RST)"))
        }
    }

    @Test("connects from the address it is told")
    func bind() async throws {
        try await onOwnThread {
            let listener = try TCPListener.listen(on: "127.0.0.1:0")
            let client = try Program.berth("connect", listener.address.description, "--bind", "127.0.0.9:0")
            let socket = try listener.accept()
            #expect(socket.peer.description.hasPrefix("127.0.0.9:"))
            socket.finish()
            #expect(try client.end().end == .exited(code: 0))
        }
    }

    @Test("does not lock up when both sides send much at once")
    func bothAtOnce() async throws {
        try await onOwnThread {
            let service = try Service(["--service", "echo"])
            let text = String(repeating: "0123456789abcdef", count: 1 << 18)
            let client = try Program.berth("connect", service.address, "--quiet")
            client.write(text)
            let result = try client.end()
            #expect(result.standard == text)
            try service.stop()
        }
    }

    @Test("says in one sentence why it could not connect, and ends with 1")
    func refused() async throws {
        try await onOwnThread {
            let nobody = try RefusingPort()
            let address = nobody.address.description
            let result = try berth("connect", address)
            #expect(result.end == .exited(code: 1))
            #expect(result.error == "berth: cannot connect to \(address): nobody listens there (ECONNREFUSED)\n")
        }
    }
}
