internal import BerthEngine
internal import BerthServer
internal import BerthSockets
internal import BerthSystem

/// Runs a program for each connection, with the connection as its standard input and output.
///
/// The program gets these three descriptors and no other, and the environment of UCSPI: PROTO, TCPREMOTEIP,
/// TCPREMOTEPORT, TCPLOCALIP, TCPLOCALPORT. The server keeps its own descriptor until the program has ended, and then
/// ends the connection politely, so that the program's last words are not lost to an RST.
struct ProgramHandler: ConnectionHandler {
    private let program: [String]

    init(_ program: [String]) { self.program = program }

    mutating func handle(_ connection: Connection) async throws {
        guard let name = program.first else { return }
        let environment = Self.environment(of: connection)
        let arguments = program
        try await connection.lendDescriptor { (descriptor, drainSignal) throws in
            let child: ChildProcess
            do throws(Errno) {
                child = try ChildProcess(
                    name, arguments: arguments, environment: environment, input: descriptor, output: descriptor)
            } catch { throw CommandFailure(message: "cannot run \(name): \(error)") }
            try child.waitForEnd(drainSignal: drainSignal, connection: descriptor)
        }
    }

    /// The environment of the program: ours, with the variables of `man s6-tcpserver` and its kin.
    static func environment(of connection: Connection) -> [String] {
        let ours = ["PROTO", "TCPREMOTEIP", "TCPREMOTEPORT", "TCPLOCALIP", "TCPLOCALPORT"]
        var texts = Kernel.environment.filter { text in !ours.contains { text.hasPrefix($0 + "=") } }
        texts.append(connection.local.port == nil ? "PROTO=IPC" : "PROTO=TCP")
        for (side, address) in [("REMOTE", connection.peer), ("LOCAL", connection.local)] {
            guard let host = address.host, let port = address.port else { continue }
            texts.append("TCP\(side)IP=\(host)")
            texts.append("TCP\(side)PORT=\(port)")
        }
        return texts
    }
}

extension SocketAddress {
    /// The numeric IP address, without brackets and port; `nil` for Unix sockets.
    fileprivate var host: String? {
        switch self {
        case .ipv4(let host, _): "\(host)"
        case .ipv6(let host, _): "\(host)"
        default: nil
        }
    }
}

/// A program that was started for a connection.
private struct ChildProcess {
    let pid: Int32
    /// Readable when the program has ended (`man 2 pidfd_open`).
    let ended: Int32

    init(
        _ program: String, arguments: [String], environment: [String], input: Int32, output: Int32
    ) throws(Errno) {
        pid = try Kernel.spawn(
            program, arguments: arguments, environment: environment, input: input, output: output, error: 2,
            ownGroup: true)
        do throws(Errno) { ended = try Kernel.openProcess(pid).release() } catch {
            Self.kill(pid)
            throw error
        }
    }

    /// Ends the program at once and takes note of its end, so that no zombie remains.
    private static func kill(_ pid: Int32) {
        try? Kernel.signal(group: pid, Signal.kill.rawValue)
        _ = try? Kernel.waitForEnd(of: pid)
    }

    /// Waits until the program has ended. When the service drains, the program's input ends; when the connection is cut,
    /// the program and its children get SIGTERM, and SIGKILL two seconds later.
    func waitForEnd(drainSignal: Int32, connection: Int32) throws(Errno) {
        defer { try? Kernel.close(ended) }
        do throws(Errno) { try watch(drainSignal: drainSignal, connection: connection) } catch {
            Self.kill(pid)
            throw error
        }
        _ = try Kernel.waitForEnd(of: pid)
    }

    private func watch(drainSignal: Int32, connection: Int32) throws(Errno) {
        var entries = [PollEntry(ended, .readable), PollEntry(drainSignal, .readable)]
        _ = try Kernel.poll(&entries, until: .never)
        if entries[0].found.isEmpty { try? Kernel.shutdown(connection, .reading) }
        while try Kernel.wait(for: .readable, on: ended, until: .after(Self.glance)).isEmpty {
            guard Task.isCancelled else { continue }
            try? Kernel.signal(group: pid, Signal.terminate.rawValue)
            if try Kernel.wait(for: .readable, on: ended, until: .after(Self.grace)).isEmpty {
                try? Kernel.signal(group: pid, Signal.kill.rawValue)
            }
        }
    }

    private static let glance: Duration = .milliseconds(100)
    private static let grace: Duration = .seconds(2)
}
