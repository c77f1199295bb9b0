import Berth

// The second article's server: one client, and the end. Started again at once it listens at the same port, though the
// connection that it has closed is in TIME_WAIT: `.afterTimeWait` is the default. With `.exclusive` it says who is in the way.
let policy: ReusePolicy = CommandLine.arguments.contains("exclusive") ? .exclusive : .afterTimeWait
do {
    let listener = try TCPListener.listen(on: "127.0.0.1:12345", reuse: policy)
    let client = try listener.accept()
    print("\(client.peer) has connected to \(listener.address)")
    client.finish()
} catch {
    print(error)
}
