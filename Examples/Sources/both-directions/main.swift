import Berth

// The article's client with `io.BufferedRWPair`: one object that reads lines, writes, flushes, and reads again. Reads of
// every kind come from one buffer, so that none of them loses what another one has read.
let endpoint = try Endpoint(parsing: CommandLine.arguments.dropFirst().first ?? "127.0.0.1:12345")
let stream = SocketStream(try TCPSocket.connect(to: endpoint, within: .seconds(3)))

print(try stream.readLine() ?? "nothing")
try stream.write("123123123\n")
try stream.flush()
print(String(decoding: try stream.readExactly(5), as: UTF8.self))
print(try stream.readLine() ?? "nothing")
try stream.finish()
