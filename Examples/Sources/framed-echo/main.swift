import Berth

// A server and its client in one program. The frames are those of the article's `tsend_all` and `trecv_all`.
let configuration = ServerConfiguration(framing: .selfCounting64)

try await withServer(on: "127.0.0.1:0", configuration: configuration) { connection in
    for try await frame in connection.frames { try await connection.writeFrame(frame) }
} operation: { server in
    let stream = SocketStream(try TCPSocket.connect(to: server.address), framing: .selfCounting64)
    for text in ["", "    ", "hello", "你好"] {
        try stream.writeFrame(text)
        guard let answer = try stream.readFrame() else { break }
        print("\(answer.body.count) bytes: '\(try answer.text())'")
    }
    let report = try stream.finish()
    print("clean: \(report.isClean)")
}
