// berth-peer FORM MODE PORT THREADS: Berth, as the other peers are: on 127.0.0.1, TCP_NODELAY, backlog 4096.

internal import Berth
internal import Glibc

/// What is wrong with the arguments, in a sentence.
struct ArgumentError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

func leave(_ error: any Error, code: Int32) -> Never {
    let line = Array("berth-peer: \(error)\n".utf8)
    _ = write(STDERR_FILENO, line, line.count)
    exit(code)
}

func parse(_ arguments: [String]) throws(ArgumentError) -> (form: Form, mode: Mode, port: UInt16) {
    guard arguments.count == 4, let mode = Mode(rawValue: arguments[1]), let port = UInt16(arguments[2]),
        let threads = Int(arguments[3]), threads > 0
    else { throw ArgumentError("usage: berth-peer FORM echo|frame|line PORT THREADS") }
    return (try Form(arguments[0], threads: threads), mode, port)
}

do throws(ArgumentError) {
    let wanted = try parse(Array(CommandLine.arguments.dropFirst()))
    // Not awaited here: an async `main` waits in `dispatch_main`, whose sigsuspend brings valgrind 3.19 down, and with it
    // the count of instructions. The service is the same; this thread only waits.
    Task.detached {
        do {
            try await serve(wanted.form, wanted.mode, on: try Endpoint(parsing: "127.0.0.1:\(wanted.port)"))
            exit(0)
        } catch { leave(error, code: 1) }
    }
    while true { pause() }
} catch {
    leave(error, code: 2)
}
