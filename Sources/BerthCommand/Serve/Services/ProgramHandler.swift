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
        guard !program.isEmpty else { return }
        // The numbers stay valid: nobody but this handler closes the connection.
        let (descriptor, drainSignal) = try await connection.lendDescriptor()
        let run = ProgramRun(
            program: program, environment: Self.environment(of: connection), connection: descriptor,
            drainSignal: drainSignal)
        try await run.toItsEnd()
        // The program's input ended for that, if it did.
        _ = connection.isDraining
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
