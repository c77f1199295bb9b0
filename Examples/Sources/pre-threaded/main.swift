import Berth

// Twenty threads, made at the start, that wait in accept in turn: twenty clients at a time, the others wait in the queue.
let server = Server(on: "127.0.0.1:12345", model: .threadPool(threads: 20)) { connection in
    try await connection.write("Welcome!\n")
    for try await name in connection.lines {
        try await connection.write("Hello, \(name)!\n")
    }
}
try await server.run()
