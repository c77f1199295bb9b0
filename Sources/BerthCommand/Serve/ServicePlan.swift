internal import BerthFraming
internal import BerthServer
internal import BerthSockets

/// What `berth serve` was asked to serve: the handler, its framing, and how to talk to it.
struct ServicePlan: Sendable {
    let name: String
    let framing: Framing
    private let kind: Kind

    private enum Kind: Sendable {
        case builtIn(ServeCommand.Service)
        case store(Store)
        case program([String])
    }

    init(_ command: ServeCommand) throws {
        if let program = command.program.first {
            name = program
            framing = .raw
            kind = .program(command.program)
            return
        }
        let service = command.service ?? .greet
        name = service.rawValue
        if service == .store {
            framing = StoreHandler.framing
            do throws(TransferError) {
                kind = .store(try Store(directory: command.directory ?? ".", overwrite: command.overwrite))
            } catch { throw CommandFailure(message: "\(error)") }
            return
        }
        framing = try command.framing.chosen() ?? .raw
        kind = .builtIn(service)
        connectOptions = command.framing.asTyped
        isFramed = try command.framing.chosen() != nil
    }

    /// Whether a framing was asked for, and how it is typed.
    private(set) var isFramed = false
    private var connectOptions = ""

    /// How long a connection may be silent unless the user says so: for ever on loopback, where a person may sit at a
    /// terminal; the library's default elsewhere.
    func defaultIdle(on endpoint: Endpoint) -> Duration? {
        if case .address(let address) = endpoint.target, address.isLoopback { return nil }
        if case .builtIn(.discard) = kind { return nil }
        if case .program = kind { return nil }
        return ServerLimits.default.idle
    }

    /// How many connections at a time unless the user says so. A program takes a second descriptor while it runs, and
    /// three more for the moment in which it is started.
    var defaultMaximumConnections: Int {
        let most = ServerLimits.defaultMaximumConnections
        if case .program = kind { return max(1, most / 4) }
        return most
    }

    /// How connections are run unless the user says so. Writing files blocks, which would hold up a loop's other
    /// connections.
    var defaultModel: ConcurrencyModel {
        if case .store = kind { return .threads }
        return .eventLoops()
    }

    func server(on endpoint: Endpoint, model: ConcurrencyModel, _ configuration: ServerConfiguration) -> Server {
        let isFramed = isFramed
        switch kind {
        case .program(let program):
            return Server(on: endpoint, model: model, configuration: configuration) { ProgramHandler(program) }
        case .store(let store):
            return Server(on: endpoint, model: model, configuration: configuration) { StoreHandler(store) }
        case .builtIn(.greet):
            return Server(on: endpoint, model: model, configuration: configuration) {
                GreetHandler(isFramed: isFramed)
            }
        case .builtIn(.echo):
            return Server(on: endpoint, model: model, configuration: configuration) { EchoHandler() }
        case .builtIn(.reverse):
            return Server(on: endpoint, model: model, configuration: configuration) {
                ReverseHandler(isFramed: isFramed)
            }
        case .builtIn(.discard), .builtIn(.store):
            return Server(on: endpoint, model: model, configuration: configuration) { DiscardHandler() }
        case .builtIn(.chargen):
            return Server(on: endpoint, model: model, configuration: configuration) {
                ChargenHandler(isFramed: isFramed)
            }
        }
    }

    /// Two lines to type into another terminal.
    func hints(_ address: SocketAddress) -> [String] {
        // `berth connect` and `berth send` take a bare port for loopback.
        let target = address.isWildcard ? ":\(address.port ?? 0)" : "\(address)"
        if case .store = kind { return ["berth send FILE \(target)"] }
        let own = "berth connect \(target)" + (connectOptions.isEmpty ? "" : " \(connectOptions)")
        let host: String
        switch address {
        // `[::]` takes IPv4 as well, and not every tool knows `::1`.
        case _ where address.isWildcard: host = "127.0.0.1"
        case .ipv4(let own, _): host = "\(own)"
        case .ipv6(let own, _): host = "\(own)"
        case .unix, .abstract, .unnamed: host = ""
        }
        let isEndless = if case .builtIn(.chargen) = kind { true } else { false }
        guard let port = address.port, !isFramed else { return [isEndless ? "\(own) | head" : own] }
        if isEndless { return ["nc \(host) \(port) | head", "\(own) | head"] }
        return ["nc \(host) \(port)", python(host, port)]
    }

    private func python(_ host: String, _ port: UInt16) -> String {
        let question: String
        switch kind {
        case .builtIn(.greet): question = "print(s.recv(100)); s.sendall(b'Ada'); print(s.recv(100))"
        case .builtIn(.reverse): question = #"print(s.recv(100)); s.sendall(b'abc\n'); print(s.recv(100))"#
        default: question = #"s.sendall(b'hello\n'); print(s.recv(100))"#
        }
        return #"python3 -c "import socket; s = socket.create_connection(('\#(host)', \#(port))); \#(question)""#
    }
}
