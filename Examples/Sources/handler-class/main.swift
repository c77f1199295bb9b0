import Berth

// A handler with a beginning and an end, as socketserver's BaseRequestHandler: one value for each connection, and `finish`
// comes whatever has happened before.
struct Greeter: ConnectionHandler {
    var names = 0

    mutating func setup(_ connection: Connection) async throws {
        try await connection.write("Welcome!\n")
    }

    mutating func handle(_ connection: Connection) async throws {
        for try await name in connection.lines {
            names += 1
            try await connection.write("Hello, \(name)!\n")
        }
    }

    mutating func finish(_ connection: Connection, _ outcome: Outcome) async {
        print("\(names) names, \(outcome)")
    }
}

try await Server(on: "127.0.0.1:12345") { Greeter() }.run()
