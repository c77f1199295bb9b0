package import BerthFraming

/// What a stream consists of but for its socket: a half for each direction. They are apart so that a frame can be answered
/// while it lies in the input.
@usableFromInline
package struct StreamCore: ~Copyable {
    @usableFromInline package var input: StreamInput
    @usableFromInline package var output: StreamOutput

    package init(framing: SharedFraming) {
        input = StreamInput(framing: framing)
        output = StreamOutput(framing: framing)
    }

    package mutating func useFraming(_ framing: Framing) {
        let shared = SharedFraming(framing)
        input.useFraming(shared)
        output.useFraming(shared)
    }

    /// The stream is over: its buffers are given back and nothing can be written.
    package mutating func end() {
        input.queue = ByteQueue()
        output.end()
    }
}
