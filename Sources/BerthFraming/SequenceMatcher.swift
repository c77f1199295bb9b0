/// Finds a sequence of bytes in a stream that comes in pieces, looking at each byte once.
///
/// The algorithm of Knuth, Morris and Pratt: the whole state between two pieces is one number, how many of the last
/// bytes are a beginning of the sequence. While that is zero, the search for the sequence's first byte is by SIMD.
struct SequenceMatcher: Sendable {
    private let pattern: [UInt8]
    /// `fallback[n]` is the length of the longest proper beginning of `pattern[..<n]` that is also its end.
    private let fallback: [Int]

    /// Prepares the search for `pattern`, which is not empty.
    init(_ pattern: [UInt8]) {
        var fallback = [0, 0]
        var length = 0
        for index in pattern.indices.dropFirst() {
            while length > 0, pattern[index] != pattern[length] { length = fallback[length] }
            if pattern[index] == pattern[length] { length += 1 }
            fallback.append(length)
        }
        self.pattern = pattern
        self.fallback = fallback
    }

    /// Looks at `input` from `start` on.
    ///
    /// - Parameter matched: the state behind the byte before `start`; changed to the one behind the last byte that was
    ///   looked at. Only valid to go on with when nothing was found.
    /// - Returns: the offset behind the first occurrence, or `nil`.
    func findEnd(in input: RawSpan, from start: Int, matched: inout Int) -> Int? {
        var index = start
        while index < input.byteCount {
            if matched == 0 {
                guard let first = ByteSearch.firstIndex(of: pattern[0], in: input, from: index) else { return nil }
                index = first
            }
            let byte = input.byte(at: index)
            while matched > 0, byte != pattern[matched] { matched = fallback[matched] }
            if byte == pattern[matched] { matched += 1 }
            index += 1
            if matched == pattern.count { return index }
        }
        return nil
    }
}
