import Berth

// A process for each connection, as inetd and forking servers have it. Some wait in reserve, so that nobody waits for a
// start. Each is this program again, which finds its role when it gets to `run()`.
let server = Server(on: "127.0.0.1:12345", model: .processes()) { connection in
    try await connection.write("Welcome!\n")
    for try await name in connection.lines {
        try await connection.write("Hello, \(name)!\n")
    }
}
try await server.run()
