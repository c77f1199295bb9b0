import BerthSockets
import BerthSystem
import TestSupport

/// A Python program that opens sockets in the network of the thread that starts it, and says their ports.
struct PythonServer {
    let program: Program

    /// - Parameter text: what it does; `say(number)` reports a number.
    init(_ text: String) throws { program = try .python(Self.start + text) }

    private static let start = """
        import os, socket, subprocess, time
        count = 0
        def say(number):
            global count
            count += 1
            print(f'{count}={number}', flush=True)
        def listener(address, family=socket.AF_INET, reuse=1, share=0, v6only=1):
            s = socket.socket(family)
            if reuse: s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if share: s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            if family == socket.AF_INET6: s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, v6only)
            s.bind((address, 0))
            s.listen(7)
            return s

        """

    /// The number that it said as the `index`-th, counted from 1.
    func number<Number: FixedWidthInteger>(_ index: Int = 1) throws -> Number {
        guard let line = program.line(containing: "\(index)=", on: .standard),
            let number = Number(line.dropFirst("\(index)=".count))
        else { throw SaidNothing() }
        return number
    }

    struct SaidNothing: Error {}
}

/// A text without what differs from run to run and between machines: times, numbers of sockets, who adopts orphans.
func steady(_ text: String) -> String {
    text.replacing(#/since \d\d:\d\d:\d\d(, \d+ s ago| \(\d+ s ago\))/#, with: "since NOW")
        .replacing(#/inode \d+/#, with: "inode N").replacing(#/\b\d+ s\b/#, with: "N s")
        .replacing(#/parent is now pid \d+/#, with: "parent is now pid N")
}

/// Waits until a process has got as far as to sleep: while it still starts, nobody can say what it waits for.
func waitUntilItSleeps(_ pid: Int32) throws {
    let deadline = Deadline.after(.seconds(240))
    while !String(decoding: try Kernel.contents(of: "/proc/\(pid)/wchan"), as: UTF8.self).contains("nanosleep") {
        if deadline.hasPassed { throw PythonServer.SaidNothing() }
    }
}
