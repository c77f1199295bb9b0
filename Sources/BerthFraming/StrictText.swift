extension String {
    /// The text of `bytes`, which must be valid UTF-8.
    ///
    /// - Throws: ``FramingError/Code/invalidUTF8(offset:)`` with the offset of the first byte that cannot be decoded.
    package init(strict bytes: RawSpan) throws(FramingError) {
        let result: Result<String, FramingError> = unsafe bytes.withUnsafeBytes { memory in
            unsafe memory.withMemoryRebound(to: UInt8.self) { bytes in
                do throws(UTF8.ValidationError) {
                    return .success(String(copying: try unsafe UTF8Span(validating: bytes.span)))
                } catch {
                    return .failure(FramingError(.invalidUTF8(offset: error.byteOffsets.lowerBound)))
                }
            }
        }
        self = try result.get()
    }
}

extension [UInt8] {
    /// A copy of `bytes`.
    @usableFromInline package init(copying bytes: RawSpan) {
        self = unsafe bytes.withUnsafeBytes { unsafe Array($0) }
    }
}
