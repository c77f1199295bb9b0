internal import ArgumentParser
internal import BerthFraming
internal import BerthSockets

/// `berth connect`.
struct ConnectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "connect",
        abstract: "Talk to a TCP service: from a terminal, or with pipes.",
        discussion: """
            Standard input is sent, what arrives is written to standard output. At the end of the input the connection
            is half-closed (the service sees our end and can still answer), and the command ends when the service does;
            input is still sent then, until it ends or pauses.

            With a framing each line of the input is one message, and each message that arrives is written as a line.

            EXAMPLES
              berth connect 127.0.0.1:12345
              printf 'Ada' | berth connect :12345
              berth connect :12345 --framing length-prefix
              berth connect [::1]:80 --bind [::1]:4000
            """)

    @Argument(help: "Where to: HOST:PORT, :PORT (loopback), [IPV6]:PORT, a path, @NAME.")
    var address: Endpoint

    @Option(help: ArgumentHelp("The local address to connect from.", valueName: "address"))
    var bind: Endpoint?

    @OptionGroup(title: "Framing")
    var framing: FramingOptions

    @Option(help: ArgumentHelp("Give up connecting after so long.", valueName: "seconds"))
    var within: Double = 10

    @Flag(name: .shortAndLong, help: "Tell only what went wrong.")
    var quiet = false

    func validate() throws {
        if let mistake = address.mistake { throw ValidationError(mistake.description) }
        if let mistake = bind?.mistake { throw ValidationError(mistake.description) }
        if address.port == 0 { throw ValidationError("port 0 can be listened on, but not connected to.") }
        if !(0.001...86_400).contains(within) { throw ValidationError("--within is between 0.001 and 86400 seconds.") }
        _ = try localAddress()
        _ = try framing.chosen()
    }

    func run() throws {
        do {
            let socket = try TCPSocket.connect(
                to: address, within: .seconds(within), from: try localAddress())
            let local = try socket.local
            if !quiet { Talk.say("connected to \(socket.peer) from \(local)") }
            let conversation = Conversation(socket: socket, framing: framing.kind == .raw ? nil : try framing.chosen())
            let ending = try conversation.run()
            if !quiet || !ending.isFine { Talk.say(ending.description) }
            if !ending.isFine { throw ExitCode(BerthTool.Code.failure.rawValue) }
        } catch let error as SocketError {
            throw CommandFailure(message: error.description)
        } catch let error as StreamError {
            throw CommandFailure(message: error.description)
        }
    }

    private func localAddress() throws -> SocketAddress? {
        guard let bind else { return nil }
        guard case .address(let address) = bind.target else {
            throw ValidationError("--bind takes a numeric address, such as 127.0.0.1:4000 or 127.0.0.2:0.")
        }
        return address
    }
}
