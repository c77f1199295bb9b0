import Berth

// The article's `makefile` server: one connection, lines in, each sent back reversed, an empty one ends.
let listener = try TCPListener.listen(on: "127.0.0.1:12345")
let stream = SocketStream(try listener.accept())
if case .ipv4(let host, let port) = stream.peer { try stream.write("hello,('\(host)', \(port))") }

while let line = try stream.readLine() {
    let answer = line.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace)
    if answer.isEmpty { break }
    print(line)
    try stream.write(String(answer))
}
try stream.finish()
