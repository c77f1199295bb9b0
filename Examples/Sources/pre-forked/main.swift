import Berth

// Four processes that share one listening socket. `berth reload 12345` replaces them without a lost connection.
let server = Server(on: "127.0.0.1:12345", model: .processPool(workers: 4)) { connection in
    try await connection.write("Welcome!\n")
    for try await name in connection.lines {
        try await connection.write("Hello, \(name)!\n")
    }
}
try await server.run()
