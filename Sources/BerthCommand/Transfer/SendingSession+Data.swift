internal import BerthFraming
internal import BerthSockets
internal import BerthSystem
internal import Crypto

// The data goes from the page cache to the socket by sendfile(2), without passing through this process; a second
// thread reads it for the digest alone.
extension SendingSession {
    /// The most that one call sends: short enough to hear an early word of the receiver and to show progress.
    private static let pieceSize: Int64 = 4 << 20

    /// Sends the frame of the data, from `offset` to the end.
    ///
    /// - Returns: the digest of the whole file, where `hash` has what precedes.
    func sendData(
        of source: SourceFile, from offset: Int64, continuing hash: SHA256
    ) throws(TransferError) -> FileDigest {
        let digester: FileDigester
        do throws(Errno) { digester = try FileDigester(source, offset..<source.size, continuing: hash) } catch {
            throw TransferError("cannot start hashing \"\(source.path)\": \(error)", endsSession: true)
        }
        let socket: Int32
        do throws(StreamError) {
            try writeLength(source.size - offset)
            socket = try stream.fileDescriptor
        } catch { throw lastWord() ?? TransferError(error, while: "sending the data") }

        var position = offset
        while position < source.size {
            let count = try sendPiece(of: source, from: position, to: socket)
            if count == 0 {
                throw TransferError("the file ended at byte \(position) while it was sent", endsSession: true)
            }
            position += Int64(count)
            observer(.advanced(position: position))
            do throws(TransferError) { try digester.keepUp(with: position) } catch {
                throw TransferError(error.sentence, endsSession: true)
            }
        }
        do throws(TransferError) { return try digester.finish() } catch {
            // All that was promised is on its way: the connection is in step.
            try? stream.writeFrame(TransferMessage.withdrawn(reason: error.sentence).encoded)
            throw error
        }
    }

    /// The prefix of a frame of `count` bytes whose body is sent in another way.
    private func writeLength(_ count: Int64) throws(StreamError) {
        var codec = LengthPrefix.selfCounting64(maximumFrame: .unlimited)
        var prefix = ByteQueue()
        do throws(FramingError) { try codec.encodeBegin(head: RawSpan(), bodyCount: Int(count), into: &prefix) } catch {
            throw .framing(error)
        }
        try stream.write(prefix.bytes)
        try stream.flush()
    }

    /// What one piece came to.
    private enum Piece {
        case sent(Int)
        /// The receiver said something, or ended. It says nothing during the data, unless that is pointless.
        case interrupted
        case stalled
    }

    /// Sends some bytes of the file; 0 at the end of the file.
    private func sendPiece(of source: SourceFile, from position: Int64, to socket: Int32) throws(TransferError) -> Int {
        let piece: Piece
        do throws(Errno) {
            let count = Int(min(Self.pieceSize, source.size - position))
            piece = try Self.sendWhenThereIsRoom(source.file.rawValue, position, count, to: socket)
        } catch { throw cut(error, position, source) }
        switch piece {
        case .sent(let count): return count
        case .interrupted: throw cut(nil, position, source)
        case .stalled:
            throw TransferError(
                "the receiver took nothing for \(TransferPatience.plain.short), after \(Amount.bytes(position)) of "
                    + Amount.bytes(source.size), endsSession: true)
        }
    }

    private static func sendWhenThereIsRoom(
        _ file: Int32, _ position: Int64, _ count: Int, to socket: Int32
    ) throws(Errno) -> Piece {
        let deadline = Deadline.after(TransferPatience.plain)
        while true {
            let found = try Kernel.wait(for: [.readable, .writable], on: socket, until: deadline)
            if found.isEmpty { return .stalled }
            if found.contains(.readable) { return .interrupted }
            do throws(Errno) {
                return .sent(try Kernel.sendFile(socket, from: file, offset: position, count: count))
            } catch { if error != .wouldBlock { throw error } }
        }
    }

    /// The receiver ended the transfer: why, as far as it is known.
    private func cut(_ errno: Errno?, _ position: Int64, _ source: SourceFile) -> TransferError {
        if let said = lastWord() { return said }
        let why = errno.map { ": \($0)" } ?? ""
        return TransferError(
            "the receiver went away after \(Amount.bytes(position)) of \(Amount.bytes(source.size))\(why)",
            endsSession: true)
    }
}
