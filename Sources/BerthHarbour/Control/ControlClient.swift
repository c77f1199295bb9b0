internal import BerthSockets
internal import BerthSystem

/// Why an operator's request came to nothing: one sentence.
package struct ControlFailure: Error, Sendable, Hashable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}

/// An operator's end of a control socket.
package struct ControlClient: ~Copyable {
    private var socket: TCPSocket
    private let path: String
    private var received: [UInt8] = []

    /// - Throws: a sentence on why there is nobody to talk to.
    package init(path: String) throws(ControlFailure) {
        self.path = path
        do throws(SocketError) {
            socket = try TCPSocket.connect(to: Endpoint(.unix(path: path)), within: .seconds(10))
        } catch {
            switch error.errno {
            case .noSuchFile: throw ControlFailure("there is no harbour at \(path)")
            case .connectionRefused: throw ControlFailure("the harbour at \(path) has ended without a word")
            case .permissionDenied: throw ControlFailure("the harbour at \(path) belongs to another user")
            default: throw ControlFailure("the harbour at \(path) cannot be reached: \(error)")
            }
        }
    }

    /// Asks, and returns the answer.
    ///
    /// - Throws: what the harbour has against it.
    package mutating func ask(_ request: ControlRequest) throws(ControlFailure) -> JSONValue {
        var answer = try exchange(request)
        if answer == nil, let next = try? ControlClient(path: path) {
            // Another harbour has taken over meanwhile.
            self = next
            answer = try exchange(request)
        }
        guard let line = answer else { throw ended }
        guard let answer = JSONValue(parsing: line), let version = answer["version"]?.number else {
            throw ControlFailure("the harbour at \(path) answered something else than JSON")
        }
        if version != ControlReply.version {
            throw ControlFailure("the harbour at \(path) speaks version \(version) of the protocol")
        }
        if answer["ok"]?.boolean == true { return answer }
        throw ControlFailure(answer["error"]?.text ?? "the harbour at \(path) refused")
    }

    /// Waits until the harbour has ended.
    package mutating func waitForEnd() {
        do throws(Errno) { while try nextLine() != nil {} } catch {}
    }

    private var ended: ControlFailure { ControlFailure("the harbour at \(path) ended before it answered") }

    /// Asks; `nil` when the harbour has closed the connection without having read it.
    private mutating func exchange(_ request: ControlRequest) throws(ControlFailure) -> String? {
        do throws(SocketError) {
            try socket.sendAll(Array("\(request.json)\n".utf8), timeout: .whole(.seconds(10)))
        } catch {
            if error.errno == .brokenPipe || error.errno == .connectionReset { return nil }
            throw ControlFailure("the harbour at \(path) does not listen: \(error)")
        }
        let line: String?
        do throws(Errno) { line = try nextLine() } catch {
            // unix(7): what was sent was not read.
            if error == .connectionReset { return nil }
            throw ControlFailure("the harbour at \(path) cannot be heard: \(error)")
        }
        guard let line else { throw ended }
        return line
    }

    /// A line; `nil` at the end. Waits as long as it takes: a roll-out may take its time.
    private mutating func nextLine() throws(Errno) -> String? {
        while true {
            if let end = received.firstIndex(of: UInt8(ascii: "\n")) {
                let line = String(decoding: received[..<end], as: UTF8.self)
                received.removeSubrange(...end)
                return line
            }
            var memory = [UInt8](repeating: 0, count: 65_536)
            let descriptor = socket.fileDescriptor
            let result = memory.withUnsafeMutableBytes { memory in
                Result { () throws(Errno) in try unsafe Kernel.receive(descriptor, into: memory) }
            }
            let count = try result.get()
            if count == 0 { return nil }
            received += memory[..<count]
        }
    }
}
