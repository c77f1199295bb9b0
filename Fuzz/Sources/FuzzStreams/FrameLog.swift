package import Berth

/// What a stream turned into: the frames, flat in one array, and how it ended.
package struct FrameLog: Equatable {
    /// For each frame: the length of its head, its head, the length of its body, its body.
    package private(set) var items: [Int] = []
    package private(set) var count = 0
    /// The content of all bodies.
    package private(set) var content: [UInt8] = []
    /// How the stream ended; `nil` between two frames.
    package var error: FramingError.Code?
    /// What broke the contract of `FrameCodec`.
    package var violation: String?

    package init() {}

    /// The frames, whole again.
    package var frames: [Frame] {
        var frames: [Frame] = []
        var rest = items[...]
        func take() -> [UInt8] {
            let count = rest.popFirst() ?? 0
            defer { rest = rest.dropFirst(count) }
            return rest.prefix(count).map { UInt8($0) }
        }
        while !rest.isEmpty { frames.append(Frame(head: take(), body: take())) }
        return frames
    }

    package mutating func append(_ frame: Frame) {
        append(head: frame.head[...], body: frame.body[...])
    }

    package mutating func append(head: ArraySlice<UInt8>, body: ArraySlice<UInt8>) {
        count += 1
        items.append(head.count)
        for byte in head { items.append(Int(byte)) }
        items.append(body.count)
        for byte in body { items.append(Int(byte)) }
        content += body
    }
}
