internal import BerthFraming

extension FrameExtent {
    /// No frame. One of no bytes at all cannot be: every framing takes at least one for each.
    static var none: FrameExtent { FrameExtent(body: 0..<0, consumed: -1) }

    var isNone: Bool { consumed < 0 }
}
