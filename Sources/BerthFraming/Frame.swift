/// One whole message that owns its bytes.
public struct Frame: Sendable, Hashable {
    /// The header lines, each with its line end, without the blank line; empty for framings without headers.
    public var head: [UInt8]
    /// The content.
    public var body: [UInt8]

    /// A frame of `body`, with header lines where the framing has them.
    @inlinable public init(head: [UInt8] = [], body: [UInt8]) {
        self.head = head
        self.body = body
    }

    /// A frame of the UTF-8 bytes of `text`.
    @inlinable public init(text: String) { self.init(body: Array(text.utf8)) }

    /// A frame of `headers` and `body`.
    public init(headers: HeaderFields, body: [UInt8] = []) { self.init(head: headers.encoded, body: body) }

    /// A copy of `frame` that outlives the buffer it lies in.
    @inlinable public init(copying frame: borrowing BorrowedFrame) {
        self.init(head: Array(copying: frame.head), body: Array(copying: frame.body))
    }

    /// The body as text.
    ///
    /// - Throws: ``FramingError/Code/invalidUTF8(offset:)``; nothing is repaired silently.
    public func text() throws(FramingError) -> String { try String(strict: body.span.bytes) }

    /// The header lines, taken apart.
    public var headers: HeaderFields { HeaderFields(head.span.bytes) }
}

/// One whole message that lies in a read buffer: valid until the buffer changes.
public struct BorrowedFrame: ~Escapable {
    /// The header lines, each with its line end, without the blank line; empty for framings without headers.
    public let head: RawSpan
    /// The content.
    public let body: RawSpan

    /// A frame of two pieces of memory.
    @inlinable @_lifetime(copy head, copy body)
    public init(head: RawSpan, body: RawSpan) {
        self.head = head
        self.body = body
    }

    /// A frame without header lines.
    @inlinable @_lifetime(copy body)
    public init(body: RawSpan) {
        head = RawSpan()
        self.body = body
    }

    /// The frame that ``FrameCodec/decode(_:atEnd:)`` found in `input`.
    @inlinable @_lifetime(copy input)
    public init(_ extent: FrameExtent, in input: RawSpan) {
        head = input.extracting(extent.head)
        body = input.extracting(extent.body)
    }

    /// The body as text.
    ///
    /// - Throws: ``FramingError/Code/invalidUTF8(offset:)``; nothing is repaired silently.
    public func text() throws(FramingError) -> String { try String(strict: body) }

    /// The header lines, taken apart.
    public var headers: HeaderFields { HeaderFields(head) }
}
