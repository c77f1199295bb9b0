internal import BerthSockets
internal import BerthSystem

/// How a program that knows nothing of Berth tells its harbour how it does.
protocol ProgramVoice: AnyObject {
    /// Readable when there is something to hear; `nil` when nothing more will come.
    var descriptor: Int32? { get }

    /// What has been said since the last time.
    func hear() -> [ProgramWord]
}

/// What a program says.
enum ProgramWord: Sendable, Hashable {
    case ready
    case alive
    case leaving
}

/// A datagram socket of a name of its own, for one worker's `sd_notify` (`man 3 sd_notify`).
final class NotifySocket: ProgramVoice {
    private let socket: Descriptor
    let name: String

    init() throws(Errno) {
        socket = try Kernel.openUnixDatagramSocket()
        let name = "berth-\(Kernel.processID)-\(UInt64.random(in: 0 ... .max))"
        self.name = "@\(name)"
        guard let raw = try? SocketAddress.abstract(name: Array(name.utf8)).raw else { throw .invalidArgument }
        try Kernel.bind(socket.rawValue, to: raw)
    }

    var descriptor: Int32? { socket.rawValue }

    func hear() -> [ProgramWord] {
        var memory = [UInt8](repeating: 0, count: 4096)
        var words: [ProgramWord] = []
        while true {
            let count = memory.withUnsafeMutableBytes { (try? unsafe Kernel.receive(socket.rawValue, into: $0)) ?? 0 }
            if count == 0 { return words }
            for line in String(decoding: memory[..<count], as: UTF8.self).split(separator: "\n") {
                switch line {
                case "READY=1": words.append(.ready)
                case "WATCHDOG=1": words.append(.alive)
                case "STOPPING=1": words.append(.leaving)
                default: break
                }
            }
        }
    }
}

/// A pipe that gets a line break when the program is ready (`man 7 s6-notifywhenup`).
final class ReadyPipe: ProgramVoice {
    /// The variable that has the number of the program's end.
    static let variable = "READY_FD"

    private let pipe: Descriptor
    private var isOver = false

    init(_ pipe: consuming Descriptor) { self.pipe = pipe }

    var descriptor: Int32? { isOver ? nil : pipe.rawValue }

    func hear() -> [ProgramWord] {
        var memory = [UInt8](repeating: 0, count: 256)
        while !isOver {
            let result = memory.withUnsafeMutableBytes { memory in
                Result { () throws(Errno) in try unsafe Kernel.read(pipe.rawValue, into: memory) }
            }
            switch result {
            case .success(let count) where count > 0:
                guard memory[..<count].contains(UInt8(ascii: "\n")) else { continue }
                isOver = true
                return [.ready]
            case .failure(.wouldBlock): return []
            default: isOver = true
            }
        }
        return []
    }
}
