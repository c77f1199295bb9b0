import Berth

// Talks to `greeter`, or to whatever is given as HOST:PORT. No server, no async: calls wait.
let endpoint = try Endpoint(parsing: CommandLine.arguments.dropFirst().first ?? "127.0.0.1:12345")
let stream = SocketStream(try TCPSocket.connect(to: endpoint, within: .seconds(3)))
try stream.setIdleLimit(.seconds(10))

for name in ["Ada", "Grace", "Barbara"] { try stream.write("\(name)\n") }
try stream.finishSending()
for line in stream.lines { print(try line.get()) }

let report = try stream.finish()
print("clean: \(report.isClean), unread: \(report.discarded) bytes")
