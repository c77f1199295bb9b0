internal import Berth

/// The naive decoder for header lines and a body: takes one line after the other as text.
struct NaiveHeaders {
    let codec: HeadersAndBody
    let rest: [UInt8]

    func decode() -> Result<NaiveDecoder.Found, FramingError> {
        do throws(FramingError) {
            return .success(try frame())
        } catch {
            return .failure(error)
        }
    }

    private func frame() throws(FramingError) -> NaiveDecoder.Found {
        var length: Int?
        var lines = 0
        var position = 0
        while let lf = rest[position...].firstIndex(of: 0x0A) {
            var line = Array(rest[position..<lf])
            if line.last == 0x0D { line.removeLast() }
            if line.isEmpty {
                if codec.firstLine == .start && lines == 0 { throw malformed(1, .blank) }
                return try body(head: position, from: lf + 1, length ?? 0)
            }
            if lf + 1 > codec.maximumHeaders.bytes { throw FramingError(.headersTooLarge(limit: codec.maximumHeaders)) }
            lines += 1
            if lines > codec.maximumHeaderLines {
                throw FramingError(.tooManyHeaderLines(limit: codec.maximumHeaderLines))
            }
            position = lf + 1
            try header(line, lines, &length)
        }
        let rest = rest[position...]
        if !rest.isEmpty, rest != [0x0D], self.rest.count + 1 > codec.maximumHeaders.bytes {
            throw FramingError(.headersTooLarge(limit: codec.maximumHeaders))
        }
        throw FramingError(.truncated(have: self.rest.count, need: nil))
    }

    private func body(head: Int, from start: Int, _ length: Int) throws(FramingError) -> NaiveDecoder.Found {
        if length > codec.maximumBody.bytes {
            throw FramingError(
                .frameTooLarge(announced: UInt64(length), limit: codec.maximumBody, parameter: .maximumBody))
        }
        if rest.count < start + length { throw FramingError(.truncated(have: rest.count, need: start + length)) }
        return NaiveDecoder.Found(
            head: rest[..<head], body: rest[start..<(start + length)], consumed: start + length)
    }

    private func header(_ line: [UInt8], _ number: Int, _ length: inout Int?) throws(FramingError) {
        let isStart = number == 1 && codec.firstLine == .start
        if line[0] == 0x20 || line[0] == 0x09 { throw malformed(number, .folded) }
        if isStart {
            if line.contains(where: { $0 == 0 || $0 == 0x0D }) { throw malformed(number, .controlCharacter) }
            return
        }
        guard let colon = line.firstIndex(of: 0x3A) else { throw malformed(number, .noColon) }
        if colon == 0 { throw malformed(number, .emptyName) }
        let tokens = Array("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".utf8)
        let name = line[..<colon]
        if name.contains(where: { !tokens.contains($0) }) { throw malformed(number, .invalidName) }
        var value = Array(line[(colon + 1)...])
        while let first = value.first, first == 0x20 || first == 0x09 { value.removeFirst() }
        while let last = value.last, last == 0x20 || last == 0x09 { value.removeLast() }
        if value.contains(where: { $0 == 0 || $0 == 0x0D }) { throw malformed(number, .controlCharacter) }
        switch String(decoding: name, as: UTF8.self).lowercased() {
        case "transfer-encoding": throw malformed(number, .transferEncoding)
        case "content-length":
            if length != nil { throw FramingError(.duplicateContentLength) }
            let isNumber = !value.isEmpty && value.allSatisfy { $0 >= 0x30 && $0 <= 0x39 }
            guard isNumber, let count = Int(String(decoding: value, as: UTF8.self)) else {
                let text = value.prefix(32).map { $0 >= 0x20 && $0 < 0x7F ? $0 : 0x2E }
                throw FramingError(.invalidContentLength(String(decoding: text, as: UTF8.self)))
            }
            length = count
        default: break
        }
    }

    private func malformed(_ line: Int, _ problem: FramingError.HeaderProblem) -> FramingError {
        FramingError(.malformedHeader(line: line, problem: problem))
    }
}
