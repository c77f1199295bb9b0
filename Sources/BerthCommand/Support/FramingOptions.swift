internal import ArgumentParser
internal import BerthFraming

/// How messages are cut out of the stream, as options of a command.
struct FramingOptions: ParsableArguments {
    enum Kind: String, ExpressibleByArgument, CaseIterable {
        case raw, line, delimiter, headers
        case lengthPrefix = "length-prefix"
        case fixed
        case untilClose = "until-close"
    }

    enum Endian: String, ExpressibleByArgument, CaseIterable { case big, little }

    enum Counts: String, ExpressibleByArgument, CaseIterable {
        /// The length is that of prefix and body.
        case itself = "self"
        /// The length is that of the body.
        case body
    }

    @Option(
        name: .customLong("framing"),
        help: ArgumentHelp(
            "How messages are cut out of the stream.",
            discussion: "length-prefix alone is 8 bytes, big endian, counting itself."))
    var kind: Kind?

    @Option(help: ArgumentHelp("Bytes of the length prefix: 1, 2, 3, 4 or 8.", valueName: "count"))
    var lengthBytes: Int?

    @Option(help: "Byte order of the length prefix.")
    var lengthEndian: Endian?

    @Option(help: "Whether the length counts itself too, or only the body.")
    var lengthCounts: Counts?

    @Option(help: ArgumentHelp(#"The mark that ends a message, with \n, \r, \t, \0, \xHH."#, valueName: "text"))
    var delimiter: String?

    @Option(help: ArgumentHelp("The size of every message.", valueName: "size"))
    var fixedSize: ByteCount?

    @Option(
        help: ArgumentHelp(
            "The largest message. Default 64MiB; 64KiB for lines.", valueName: "size"))
    var maxFrame: ByteCount?

    /// What was asked for, or `nil` when nothing was.
    func chosen() throws -> Framing? {
        guard let kind = kind ?? impliedKind() else {
            if maxFrame != nil { throw ValidationError("--max-frame needs a --framing.") }
            return nil
        }
        try refuseStrayOptions(for: kind)
        let limit = maxFrame ?? Self.defaultMaximum
        switch kind {
        case .raw: return .raw
        case .line: return .lines(maximumLine: maxFrame ?? .kibibytes(64))
        case .headers: return .headers(maximumBody: limit)
        case .untilClose: return .untilClose(maximumFrame: limit)
        case .lengthPrefix: return try lengthPrefix(limit)
        case .delimiter:
            guard let delimiter else { throw ValidationError("--framing delimiter needs --delimiter TEXT.") }
            return .delimiter(try Escapes.bytes(of: delimiter), maximumFrame: limit)
        case .fixed:
            guard let fixedSize, fixedSize.bytes > 0 else {
                throw ValidationError("--framing fixed needs --fixed-size, at least 1.")
            }
            return .fixedLength(fixedSize)
        }
    }

    /// The largest message of the command unless told otherwise. The library's own default is 1 MiB; the command, which
    /// mostly serves a developer on loopback, takes more.
    static let defaultMaximum: ByteCount = .mebibytes(64)

    func impliedKind() -> Kind? {
        if lengthBytes != nil || lengthEndian != nil || lengthCounts != nil { return .lengthPrefix }
        if delimiter != nil { return .delimiter }
        if fixedSize != nil { return .fixed }
        return nil
    }

    private func refuseStrayOptions(for kind: Kind) throws {
        let given: [(String, Bool, Kind)] = [
            ("--length-bytes", lengthBytes != nil, .lengthPrefix),
            ("--length-endian", lengthEndian != nil, .lengthPrefix),
            ("--length-counts", lengthCounts != nil, .lengthPrefix),
            ("--delimiter", delimiter != nil, .delimiter),
            ("--fixed-size", fixedSize != nil, .fixed),
        ]
        for (name, isGiven, needed) in given where isGiven && needed != kind {
            throw ValidationError("\(name) goes with --framing \(needed.rawValue), not with \(kind.rawValue).")
        }
    }

    private func lengthPrefix(_ limit: ByteCount) throws -> Framing {
        let width: LengthPrefix.Width
        switch lengthBytes ?? 8 {
        case 1: width = .one
        case 2: width = .two
        case 3: width = .three
        case 4: width = .four
        case 8: width = .eight
        default: throw ValidationError("--length-bytes is 1, 2, 3, 4 or 8, not \(lengthBytes ?? 0).")
        }
        return .lengthPrefix(
            bytes: width, endian: lengthEndian == .little ? .little : .big,
            counts: (lengthCounts ?? .itself) == .itself ? .prefixAndBody : .body, maximumFrame: limit)
    }
}

extension FramingOptions {
    /// The same options as one would type them, for telling how to talk to a service; empty when there are none.
    var asTyped: String {
        var words: [String] = []
        if let kind { words.append("--framing \(kind.rawValue)") }
        if let lengthBytes { words.append("--length-bytes \(lengthBytes)") }
        if let lengthEndian { words.append("--length-endian \(lengthEndian.rawValue)") }
        if let lengthCounts { words.append("--length-counts \(lengthCounts.rawValue)") }
        if let delimiter { words.append("--delimiter '\(delimiter)'") }
        if let fixedSize { words.append("--fixed-size \(fixedSize.bytes)") }
        return words.joined(separator: " ")
    }
}

extension FramingOptions {
    /// The same options as arguments of a command, as they have to be given to a program.
    var arguments: [String] {
        let values: [(String, String?)] = [
            ("--framing", kind?.rawValue), ("--length-bytes", lengthBytes.map { "\($0)" }),
            ("--length-endian", lengthEndian?.rawValue), ("--length-counts", lengthCounts?.rawValue),
            ("--delimiter", delimiter), ("--fixed-size", fixedSize.map { "\($0.bytes)" }),
            ("--max-frame", maxFrame.map { $0 == .unlimited ? "unlimited" : "\($0.bytes)" }),
        ]
        return values.flatMap { name, value in value.map { ["\(name)=\($0)"] } ?? [] }
    }

    /// The bytes that end a message and cannot stand in one; `nil` for framings in which any may.
    var marks: [UInt8]? {
        get throws {
            switch kind ?? impliedKind() {
            case .line: [UInt8(ascii: "\r"), UInt8(ascii: "\n")]
            case .delimiter: try delimiter.map { try Escapes.bytes(of: $0) }
            case nil, .raw, .headers, .lengthPrefix, .fixed, .untilClose: nil
            }
        }
    }
}
