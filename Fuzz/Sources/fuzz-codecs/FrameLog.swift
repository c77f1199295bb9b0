import Berth

/// What a stream turned into: the frames, flat in one array, and how it ended.
struct FrameLog: Equatable {
    /// For each frame: the length of its head, its head, the length of its body, its body.
    private(set) var items: [Int] = []
    private(set) var count = 0
    /// The content of all bodies.
    private(set) var content: [UInt8] = []
    /// How the stream ended; `nil` between two frames.
    var error: FramingError.Code?
    /// What broke the contract of `FrameCodec`.
    var violation: String?

    mutating func append(_ frame: Frame) {
        append(head: frame.head[...], body: frame.body[...])
    }

    mutating func append(head: ArraySlice<UInt8>, body: ArraySlice<UInt8>) {
        count += 1
        items.append(head.count)
        for byte in head { items.append(Int(byte)) }
        items.append(body.count)
        for byte in body { items.append(Int(byte)) }
        content += body
    }
}
