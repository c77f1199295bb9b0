import Berth

// A server and its client in one program. The frames are those of the article's `tsend_all` and `trecv_all`.
let configuration = ServerConfiguration(framing: .selfCounting64)

try await withServer(on: "127.0.0.1:0", configuration: configuration) { connection in
    for try await frame in connection.frames { try await connection.writeFrame(frame) }
} operation: { server in
    let client = try await Connection.connect(to: server.address, framing: .selfCounting64)
    for text in ["", "    ", "hello", "你好"] {
        try await client.writeFrame(text)
        guard let answer = try await client.readFrame() else { break }
        print("\(answer.body.count) bytes: '\(try answer.text())'")
    }
    let report = try await client.finish()
    print("clean: \(report.isClean)")
}
