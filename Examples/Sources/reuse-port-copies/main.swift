import Berth

// Four processes with a listening socket each, among which the kernel spreads the connections. The sockets stay open
// when their processes are replaced, so that what waits in their queues is not lost.
let server = Server(on: "127.0.0.1:12345", model: .reusePort(workers: 4)) { connection in
    try await connection.write("Welcome!\n")
    for try await name in connection.lines {
        try await connection.write("Hello, \(name)!\n")
    }
}
try await server.run()
