internal import BerthFraming

extension TransferMessage {
    /// Reads the bytes of a message, without its length prefix.
    ///
    /// Lines with unknown keys are skipped, so that later versions can say more; everything else has to be right.
    ///
    /// - Throws: ``TransferError`` that ends the session: what the peer says next could mean anything.
    init(parsing bytes: [UInt8]) throws(TransferError) {
        do throws(Problem) { self = try Self.parse(bytes) } catch {
            throw TransferError("the peer does not speak \(Self.protocolName): \(error.sentence)", endsSession: true)
        }
    }

    private struct Problem: Error {
        let sentence: String
        init(_ sentence: String) { self.sentence = sentence }
    }

    private static func parse(_ bytes: [UInt8]) throws(Problem) -> TransferMessage {
        guard bytes.count <= maximumLength else { throw Problem("its message is longer than \(maximumLength) bytes") }
        let text: String
        do throws(FramingError) { text = try String(strict: bytes.span.bytes) } catch {
            throw Problem("its message is not UTF-8")
        }
        if text.unicodeScalars.contains(where: { $0 != "\n" && TransferName.isForbidden($0) }) {
            throw Problem("its message holds control characters")
        }
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        if lines.last?.isEmpty == true { lines.removeLast() }
        guard let first = lines.first, first.hasPrefix("berth-file/") else {
            throw Problem("its message does not begin with \"\(protocolName)\"")
        }
        guard first.hasPrefix(protocolName + " ") else {
            throw Problem("it speaks \"\(first.prefix { $0 != " " })\"")
        }
        return try message(String(first.dropFirst(protocolName.count + 1)), try Fields(lines.dropFirst()))
    }

    private static func message(_ word: String, _ fields: Fields) throws(Problem) -> TransferMessage {
        switch word {
        case "offer": .offer(try offer(fields))
        case "accepted": try accepted(fields)
        case "refused": .refused(reason: try fields.required("reason"))
        case "digest": .digest(try fields.digest())
        case "withdrawn": .withdrawn(reason: try fields.required("reason"))
        case "stored": .stored(try fields.digest())
        case "failed": .failed(reason: try fields.required("reason"))
        default: throw Problem("\"\(word)\" is not a message")
        }
    }

    private static func offer(_ fields: Fields) throws(Problem) -> FileOffer {
        let resume = fields["resume"] ?? "no"
        guard resume == "yes" || resume == "no" else { throw Problem("its \"resume\" is neither yes nor no") }
        return FileOffer(
            name: try fields.required("name"), size: try fields.number("size"), wantsResume: resume == "yes")
    }

    private static func accepted(_ fields: Fields) throws(Problem) -> TransferMessage {
        let offset = try fields.number("offset")
        return .accepted(offset: offset, prefix: offset > 0 ? try fields.digest() : nil)
    }

    /// The `key: value` lines of a message.
    private struct Fields {
        private var values: [String: String] = [:]

        init(_ lines: some Sequence<Substring>) throws(Problem) {
            for line in lines {
                guard let colon = line.firstIndex(of: ":"), colon != line.startIndex,
                    line[colon...].hasPrefix(": ") || line[colon...] == ":"
                else { throw Problem("the line \"\(line.prefix(40))\" is not of the form \"key: value\"") }
                let key = String(line[..<colon])
                // Everything behind ": " counts, spaces included: they may belong to a name.
                guard values.updateValue(String(line[colon...].dropFirst(2)), forKey: key) == nil else {
                    throw Problem("it says \"\(key)\" twice")
                }
            }
        }

        subscript(_ key: String) -> String? { values[key] }

        func required(_ key: String) throws(Problem) -> String {
            guard let value = values[key] else { throw Problem("its message has no \"\(key)\"") }
            return value
        }

        /// A plain decimal number up to ``FileOffer/maximumSize``.
        func number(_ key: String) throws(Problem) -> Int64 {
            let text = try required(key)
            guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int64(text),
                number <= FileOffer.maximumSize
            else { throw Problem("its \"\(key)\" is not a number from 0 to \(FileOffer.maximumSize)") }
            return number
        }

        func digest() throws(Problem) -> FileDigest {
            guard let digest = FileDigest(hexadecimal: try required("sha256")) else {
                throw Problem("its \"sha256\" is not a digest of 64 hexadecimal digits")
            }
            return digest
        }
    }
}
