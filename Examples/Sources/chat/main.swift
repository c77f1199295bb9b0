import Berth

let room = Room()
let server = Server(on: "127.0.0.1:12345") { Chat(room: room) }
try await server.run()
