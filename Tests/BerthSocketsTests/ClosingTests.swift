import BerthFraming
import BerthSystem
import Testing

@testable import BerthSockets

@Suite("Closing")
struct ClosingTests {
    @Test("aborting resets the connection at once, also while a duplicate is open")
    func abort() async throws {
        try await onThread {
            let pair = try Pair()
            let duplicate = try pair.server.duplicate()
            let client = pair.client
            try pair.server.sendAll("seen")
            pair.server.abort()
            try client.waitForHangUp()
            let (bytes, failure) = client.readAll()
            #expect(bytes == Array("seen".utf8) && failure?.errno == .connectionReset)
            #expect(throws: SocketError.self) { try duplicate.sendAll("x") }
        }
    }

    @Test("aborting ends a Unix connection for its duplicates too")
    func abortUnix() throws {
        try withTemporaryDirectory { directory in
            let listener = try TCPListener.listen(on: Endpoint(.unix(path: "\(directory)/s")))
            let client = try TCPSocket.connect(to: listener.address)
            let server = try listener.accept()
            let duplicate = try server.duplicate()
            server.abort()
            #expect(client.readAll().bytes.isEmpty)
            #expect(throws: SocketError.self) { try duplicate.sendAll("x") }
        }
    }

    @Test("closing one of two duplicates sends no FIN; closing the last one does")
    func duplicates() async throws {
        try await onThread {
            let pair = try Pair()
            let duplicate = try pair.server.duplicate()
            let client = pair.client
            pair.server.close()
            let error = socketError { () throws(SocketError) in _ = try client.receive(within: .milliseconds(60)) }
            #expect(error?.isDeadline == true)
            try duplicate.sendAll("still here")
            #expect(try client.receive(within: .seconds(20)) == Array("still here".utf8))
            duplicate.close()
            #expect(try client.receive(within: .seconds(20)) == [])
        }
    }

    @Test("shutting down writing sends a FIN for all duplicates, and the other direction stays open")
    func shutdownWriting() async throws {
        try await onThread {
            let pair = try Pair()
            let duplicate = try pair.server.duplicate()
            try pair.server.shutdown(.writing)
            #expect(try pair.client.receive(within: .seconds(20)) == [])
            try pair.client.sendAll("answer")
            #expect(try duplicate.receive(within: .seconds(20)) == Array("answer".utf8))
            let error = socketError { () throws(SocketError) in try duplicate.sendAll("x") }
            #expect(error?.errno == .brokenPipe)
        }
    }

    @Test("shutting down reading reports the end, tells the peer nothing, and later data can still be read")
    func shutdownReading() async throws {
        try await onThread {
            let pair = try Pair()
            try pair.server.shutdown(.reading)
            #expect(try pair.server.receive() == [])
            try pair.client.sendAll("later")
            while try Kernel.peekedCount(pair.server.fileDescriptor) == 0 { pace(.milliseconds(1)) }
            #expect(try pair.server.receive() == Array("later".utf8))
            #expect(try pair.server.receive() == [])
            try pair.server.sendAll("heard")
            #expect(try pair.client.receive(within: .seconds(20)) == Array("heard".utf8))
        }
    }

    @Test("shutting down what a reset has ended is an error with its sentence")
    func shutdownAfterReset() async throws {
        try await onThread {
            let pair = try Pair()
            let server = pair.server
            pair.client.abort()
            try server.waitForHangUp()
            let error = socketError { () throws(SocketError) in try server.shutdown(.both) }
            #expect(
                error?.description == "cannot shut down the connection with \(server.peer): "
                    + "the socket is not connected (ENOTCONN)")
        }
    }

    @Test("a detached descriptor keeps the connection and what was not read")
    func detach() async throws {
        try await onThread {
            let pair = try Pair()
            let peer = pair.server.peer
            try pair.client.sendAll("unread")
            try pair.server.waitForInput()
            let again = TCPSocket(descriptor: pair.server.detach(), peer: peer)
            #expect(try again.receive() == Array("unread".utf8))
            try again.sendAll("alive")
            #expect(try pair.client.receive() == Array("alive".utf8))
        }
    }
}

extension Kernel {
    /// How many bytes could be received now, up to 64.
    fileprivate static func peekedCount(_ fd: Int32) throws -> Int {
        var memory = [UInt8](repeating: 0, count: 64)
        return try memory.withUnsafeMutableBytes { try receive(fd, into: $0, flags: [.peek, .doNotWait]) }
    }
}
