import Berth

// Passes lines on to the greeter, and its answers back: a handler that is a client as well.
let server = Server(on: "127.0.0.1:12346") { connection in
    try await withConnection(to: "127.0.0.1:12345") { greeter in
        while let answer = try await greeter.readLine() {
            try await connection.write("\(answer)\n")
            guard let name = try await connection.readLine() else { return }
            try await greeter.write("\(name)\n")
        }
    }
}
try await server.run()
