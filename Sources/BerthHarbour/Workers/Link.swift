package import BerthSystem

/// One end of the connection between a harbour and a worker: messages, and an end that the other side notices.
package final class Link: Sendable {
    private let socket: Descriptor

    package init(_ socket: consuming Descriptor) { self.socket = socket }

    /// Readable when a message, or the end, is there.
    package var descriptor: Int32 { socket.rawValue }

    /// Sends a message. Who does not read any more is found out by other means.
    package func send(_ message: LinkMessage) {
        let bytes = Array(message.text.utf8)
        _ = bytes.withUnsafeBytes { try? unsafe Kernel.send(socket.rawValue, $0) }
    }

    /// Sends messages that must not be lost because there are many: waits for room, until the deadline.
    package func send(_ messages: [LinkMessage], until deadline: Deadline) {
        for message in messages {
            let bytes = Array(message.text.utf8)
            while true {
                do throws(Errno) {
                    let result = bytes.withUnsafeBytes { bytes in
                        Result { () throws(Errno) in try unsafe Kernel.send(socket.rawValue, bytes) }
                    }
                    _ = try result.get()
                    break
                } catch {
                    guard error == .wouldBlock,
                        let found = try? Kernel.wait(for: .writable, on: socket.rawValue, until: deadline),
                        !found.isEmpty
                    else { return }
                }
            }
        }
    }

    /// What there was to receive.
    package enum Received: Sendable {
        case message(LinkMessage)
        /// Nothing, for now.
        case nothing
        /// The other side is gone.
        case end
    }

    package func receive() -> Received {
        var memory = [UInt8](repeating: 0, count: 4096)
        while true {
            do throws(Errno) {
                let result = memory.withUnsafeMutableBytes { memory in
                    Result { () throws(Errno) in try unsafe Kernel.receive(socket.rawValue, into: memory) }
                }
                let count = try result.get()
                if count == 0 { return .end }
                if let message = LinkMessage(String(decoding: memory[..<count], as: UTF8.self)) {
                    return .message(message)
                }
            } catch { return error == .wouldBlock ? .nothing : .end }
        }
    }
}
