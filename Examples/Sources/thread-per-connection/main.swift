import Berth

// A thread for each connection, as Python's ThreadingTCPServer has it: for up to some thousand clients that stay.
let server = Server(on: "127.0.0.1:12345", model: .threads) { connection in
    try await connection.write("Welcome!\n")
    for try await name in connection.lines {
        try await connection.write("Hello, \(name)!\n")
    }
}
try await server.run()
