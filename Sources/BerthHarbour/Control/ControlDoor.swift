internal import BerthSockets
internal import BerthSystem

/// The control socket of a harbour: who may come in, and the lines they send.
final class ControlDoor {
    /// Someone who has connected.
    final class Visitor {
        let socket: Descriptor
        fileprivate var received: [UInt8] = []
        fileprivate(set) var isGone = false

        fileprivate init(_ socket: consuming Descriptor) { self.socket = socket }

        /// Answers with one line.
        func answer(_ value: JSONValue) {
            let line = Array("\(value)\n".utf8)
            // Whoever does not take some kilobytes at once has left.
            let sent = line.withUnsafeBytes { try? unsafe Kernel.send(socket.rawValue, $0) }
            if sent != line.count { isGone = true }
        }
    }

    private let listener: TCPListener
    let path: String
    /// Whether visitors are let in. Of two harbours that have the socket only one does so.
    private(set) var isOpen: Bool
    private(set) var visitors: [Int: Visitor] = [:]
    private var lastVisitor = 0
    private static let mostVisitors = 64
    private static let longestLine = 65_536

    /// Opens it. A file that nobody listens at any more is replaced.
    init(path: String) throws(SocketError) {
        listener = try TCPListener.listen(on: Endpoint(.unix(path: path)), backlog: 16)
        self.path = path
        isOpen = true
        // The socket of a path is made with the process's mask; nobody gets further than the credentials in between.
        try? Kernel.setMode(of: path, to: 0o600)
    }

    /// Takes over the socket of a harbour that still lets visitors in: ``open()`` is for when it does no more.
    init(inherited descriptor: consuming Descriptor) throws(SocketError) {
        listener = try TCPListener.inherited(descriptor)
        path = listener.address.description
        isOpen = false
    }

    var descriptor: Int32 { listener.fileDescriptor }

    /// Lets visitors in, and removes the file in the end.
    func open() {
        listener.takeFile()
        isOpen = true
    }

    /// Leaves the socket and its file to another harbour. Who has asked for something that was not read is told by an
    /// error of the socket, and asks again.
    func handOver() {
        listener.keepFile()
        isOpen = false
        visitors = [:]
    }

    /// Lets in who has come: the same user, or root.
    func admit() {
        while let socket = try? listener.tryAccept(nonBlocking: true) {
            let descriptor = socket.detach()
            let user = try? Kernel.peerCredentials(descriptor.rawValue).user
            let visitor = Visitor(descriptor)
            if user != Kernel.effectiveUser, user != 0 {
                visitor.answer(ControlReply.failure("this harbour belongs to another user"))
                continue
            }
            if visitors.count >= Self.mostVisitors { continue }
            lastVisitor += 1
            visitors[lastVisitor] = visitor
        }
    }

    /// The lines that a visitor has sent; forgets it when it is gone.
    func lines(of number: Int) -> [String] {
        guard let visitor = visitors[number] else { return [] }
        var memory = [UInt8](repeating: 0, count: 4096)
        while true {
            let result = memory.withUnsafeMutableBytes { memory in
                Result { () throws(Errno) in try unsafe Kernel.receive(visitor.socket.rawValue, into: memory) }
            }
            switch result {
            case .success(let count) where count > 0: visitor.received += memory[..<count]
            case .failure(.wouldBlock):
                if visitor.received.count > Self.longestLine { visitor.isGone = true }
                return take(from: visitor)
            default:
                visitor.isGone = true
                return take(from: visitor)
            }
        }
    }

    private func take(from visitor: Visitor) -> [String] {
        var lines: [String] = []
        while let end = visitor.received.firstIndex(of: UInt8(ascii: "\n")) {
            lines.append(String(decoding: visitor.received[..<end], as: UTF8.self))
            visitor.received.removeSubrange(...end)
        }
        return lines
    }

    /// Forgets those that are gone.
    func sweep() { visitors = visitors.filter { !$0.value.isGone } }
}

/// What a control socket answers.
package enum ControlReply {
    /// The version of the protocol: raised when something is taken away or changes its meaning.
    package static let version = 1

    static func success(_ fields: [JSONValue.Member] = []) -> JSONValue {
        .object([.init(name: "version", value: .number(version)), .init(name: "ok", value: .boolean(true))] + fields)
    }

    static func failure(_ sentence: String) -> JSONValue {
        .fields(["version": .number(version), "ok": .boolean(false), "error": .string(sentence)])
    }
}
